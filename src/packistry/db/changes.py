"""The keys under which readers remember things, and by which a change tells them to forget."""

from typing import Final, NewType

ChangeKey = NewType("ChangeKey", str)
# What the installation was told of itself: its public address.
INSTALLATION_KEY: Final = ChangeKey("installation")


def repository_key(repository_id: int) -> ChangeKey:
    """The repository itself: path, visibility, whether it is there. Rare: everything of it is read again."""
    return ChangeKey(f"repository:{repository_id}")


def listing_key(repository_id: int) -> ChangeKey:
    """What the repository lists: the set of its packages, their types and descriptions, the vendors."""
    return ChangeKey(f"listing:{repository_id}")


def document_key(repository_id: int, package_name: str) -> ChangeKey:
    """Both p2 documents and all archives of one package, also of one that does not exist yet."""
    return ChangeKey(f"document:{repository_id}:{package_name}")


def user_key(user_id: int) -> ChangeKey:
    """A user: role, activity, password, grants."""
    return ChangeKey(f"user:{user_id}")


def token_key(token_id: int) -> ChangeKey:
    """A token: its secrets, expiry, abilities, grants."""
    return ChangeKey(f"token:{token_id}")
