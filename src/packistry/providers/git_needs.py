"""What a commit needs beside its own files: archives of it, from whatever host, lack these parts."""

from packistry.providers.base import Connection, Project, Provider


def needs_submodules(provider: Provider, connection: Connection, project: Project, commit: str) -> bool:
    """Whether folders of it are other repositories, which git names in .gitmodules at the top."""
    return provider.read_file(connection, project, commit, ".gitmodules") is not None


def needs_lfs(provider: Provider, connection: Connection, project: Project, commit: str) -> bool:
    """Whether files of it lie in Git LFS, so that only a pointer is here. Asked is .gitattributes at the top, where
    `git lfs track` writes.
    """
    content = provider.read_file(connection, project, commit, ".gitattributes") or b""
    lines = (line.strip() for line in content.splitlines())
    return any(b"filter=lfs" in line.split() for line in lines if not line.startswith(b"#"))
