"""An archive sent by a browser's form: streamed to disk as it comes, and published as any upload."""

from functools import partial

from packistry.packages.publishing import Publication
from packistry.web.pages.site import Site
from packistry.web.pages.visits import Visit
from packistry.web.requests import Origin, Request
from packistry.web.running import run
from packistry.web.uploads import read_upload


async def publish_sent(site: Site, visit: Visit, repository: str | None = None) -> Publication:
    """Publishes what the form sends, in the repository, else in the one that its own field names by path ("/" is the
    root). Refuses what an upload is refused for.
    """
    uploads = visit.parts.uploads
    with uploads.receive() as incoming:
        fields = await read_upload(
            Request(visit.request.scope, visit.request.receive, Origin(visit.parts.settings)),
            partial(run, site.executor, incoming.write),
            max_file_bytes=uploads.limits.file_bytes,
        )
        path = fields.get("repository", "").strip().removeprefix("/") if repository is None else repository
        version = fields.get("version", "").strip() or None
        publish = partial(uploads.publish_as_named, visit.person, incoming, repository=path)
        return await run(site.executor, publish, version=version)
