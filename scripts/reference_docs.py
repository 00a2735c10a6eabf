"""Writes the reference pages of docs/ that are made from the code, so that they cannot say something else.

`make docs` runs it; tests/house fails while a page differs from what it would write.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from pydantic.fields import FieldInfo

from packistry.composer.manifest_keys import KEYS
from packistry.settings import CONFIG_VARIABLE, GIB, MIB, PREFIX, Settings
from scripts.command_docs import commands_page

DOCS = Path(__file__).parent.parent / "docs"

SETTINGS_HEAD = f"""# Settings

Each setting is a variable of the environment, or a line of a TOML file in lower case without `{PREFIX}`. The file is
the one that `{CONFIG_VARIABLE}` names, else `packistry.toml` in the folder of the process if it is there. The
environment wins, and an empty variable counts as none. They are read once, at the start: whoever changes one restarts
the server. A wrong setting, or one whose name is misspelt, stops the start with a sentence that names it.

```toml
public_url = "https://packages.example.com"
trusted_proxies = ["10.0.0.0/8"]
max_archive_bytes = "1GiB"
```

A *size* is a number of bytes, or a number with B, KiB, MiB, GiB or TiB. *Networks* and *secrets* are comma separated
in a variable and lists in the file. *Folders* are taken from the folder of the process unless they begin with `/`.

| variable | kind | default | what it decides |
|---|---|---|---|
"""

MANIFEST_HEAD = """# What becomes of each key of composer.json

*Published*: in the metadata that Composer reads, once it has passed its check. *Kept*: read into a field of the
version, from which Packistry decides what to publish. *Dropped*: it stays in the archive and goes nowhere else.
*Refused*: the version is not published, and the answer says why. *Left out*: the version is published without it, and
a warning is kept with the version.

Any other key is dropped, with a warning that names the key that was probably meant; keys that begin with `_` or `$`
are comments and dropped in silence. So is `null`, which Composer reads like a missing key.

| key | what we do | what it must be | why |
|---|---|---|---|
"""


def settings_page() -> str:
    """docs/settings.md: one row for each setting, in the order of the code."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {kind_of(field)} | {default_of(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS_HEAD + "\n".join(rows) + "\n"


def kind_of(field: FieldInfo) -> str:
    """What sort of value a setting takes, in a word for people."""
    return str(cast("Mapping[str, object]", field.json_schema_extra)["kind"])


def default_of(field: FieldInfo) -> str:
    """A default as it would be written in the environment; empty when there is none."""
    if field.default is None or field.default == ():
        return ""
    if kind_of(field) != "size":
        return f"`{field.default}`"
    size, unit = (field.default // GIB, "GiB") if field.default >= GIB else (field.default // MIB, "MiB")
    return f"`{size}{unit}`"


def manifest_page() -> str:
    """docs/manifest-keys.md: one row for each key of composer.json, in the order of the table."""
    rows = (f"| `{key.name}` | {key.fate} | {key.rule or '-'} | {key.reason} |" for key in KEYS)
    return MANIFEST_HEAD + "\n".join(rows) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "manifest-keys.md": manifest_page,
    "commands.md": commands_page,
}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
