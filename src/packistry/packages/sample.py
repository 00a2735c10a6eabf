"""A package to try the installation with: made here, without any network."""

import io
import json
import zipfile
from typing import Final

from packistry.access.actors import Actor
from packistry.packages.publishing import Publication
from packistry.packages.upload import Upload, Uploads

NAME: Final = "packistry/hello"
VERSION: Final = "1.0.0"
_MANIFEST: Final = {
    "name": NAME,
    "description": "Says hello: a package to try a new Packistry with",
    "type": "library",
    "license": "MIT",
    "autoload": {"files": ["src/hello.php"]},
}
_README: Final = """# Hello

A package to try a new Packistry with. Delete it whenever you like.

```php
require 'vendor/autoload.php';

echo \\Packistry\\Hello\\hello('world');
```
"""
_CODE: Final = """<?php

declare(strict_types=1);

namespace Packistry\\Hello;

function hello(string $name): string
{
    return "Hello, $name. This came from your own Packistry." . PHP_EOL;
}
"""


def publish_sample(uploads: Uploads, actor: Actor, repository: str) -> Publication:
    """Publishes it in the repository at this path; the same again, when it is there already."""
    with uploads.receive() as incoming:
        incoming.write(_archive())
        return uploads.publish(actor, Upload(repository=repository, name=NAME, version=VERSION), incoming)


def _archive() -> bytes:
    files = {"composer.json": json.dumps(_MANIFEST, indent=4), "README.md": _README, "src/hello.php": _CODE}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            # With a date of its own it would be another file each time.
            archive.writestr(zipfile.ZipInfo(f"hello/{name}"), text)
    return target.getvalue()
