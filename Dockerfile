# Packistry without root's rights, on a root file system that may be read-only: docs/operations.md, "In a container".
ARG PYTHON=3.13.9-slim-trixie

FROM python:${PYTHON} AS build
WORKDIR /build
RUN python -m venv /opt/packistry
COPY requirements/run.txt requirements/
RUN /opt/packistry/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/packistry/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .

FROM python:${PYTHON}
# git and ssh read projects of plain git servers; the other code hosts are asked over HTTPS.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin packistry \
    && install --directory --owner packistry --group packistry --mode 700 /data
COPY --from=build /opt/packistry /opt/packistry
ENV PATH=/opt/packistry/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PACKISTRY_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# What is asked touches no database: a slow one is no reason to restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["packistry", "serve", "--host", "0.0.0.0", "--port", "8000"]
