"""Names that are remembered so that a project need not be looked for."""

from pathlib import Path

from packistry.providers.whereabouts import Whereabouts


def test_a_name_is_kept_until_there_is_another(tmp_path: Path) -> None:
    Whereabouts(tmp_path / "new").keep("12", "acme/widgets")
    assert Whereabouts(tmp_path / "new").last("12") == "acme/widgets"

    Whereabouts(tmp_path / "new").keep("12", "acme/gizmö")

    assert Whereabouts(tmp_path / "new").last("12") == "acme/gizmö"
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["12"]


def test_what_was_never_seen_or_cannot_be_read_is_nowhere(tmp_path: Path) -> None:
    (tmp_path / "13").write_bytes(b"\xff")

    assert Whereabouts(tmp_path).last("12") is None
    assert Whereabouts(tmp_path).last("13") is None


def test_a_name_that_cannot_be_kept_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    Whereabouts(tmp_path / "file").keep("12", "acme/widgets")

    assert (tmp_path / "file").read_bytes() == b""
