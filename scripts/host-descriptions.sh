#!/bin/sh
# usage: host-descriptions.sh DIR
# Puts into DIR/node_modules what others say about the APIs of code hosts: real deliveries, GitHub's OpenAPI description,
# and Prism, which judges requests by it. What is fetched is locked by its digest in requirements/npm; none of it runs
# while it is installed. Needs npm; tests that miss something say so and are left out, in CI that is a failure.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 64; }
command -v npm >/dev/null || { echo "missing: npm; run: apt-get install -y --no-install-recommends npm" >&2; exit 69; }
locked=$(cd "$(dirname "$0")/../requirements/npm" && pwd)
mkdir -p "$1"
cp "$locked/package.json" "$locked/package-lock.json" "$1/"
npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel error
# The description of the cloud is the one that is used; the other forms of it are 380 MB.
find "$1/node_modules/@octokit/openapi/generated" -type f ! -name api.github.com.json -delete
