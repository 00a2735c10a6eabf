"""Where we may connect to: public addresses, and what the operator allows. Stops hosts that lead us into our own net.

A name is resolved once, here, and the connection goes to the very address that was checked: a name that answers
differently the second time (rebinding) gains nothing.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from packistry.errors import AddressRefused, InvalidInput, NameUnknown

Address: TypeAlias = IPv4Address | IPv6Address
Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""The addresses of a name, as text; raises OSError when it has none."""

SCHEMES: Final = ("http", "https", "ssh")
ADDRESS_CHARACTERS: Final = 2000
# A DNS that works answers in one; the system's own patience has no end that we could set.
RESOLVE_SECONDS: Final = 10.0
# git@host:path, as git reads it: no scheme, and a colon before the first slash.
_SCP_LIKE: Final = re.compile(r"(?:\w[\w.-]*@)?(?P<host>\w[\w.-]*):(?!//|:|-).+", re.ASCII)
# "https:/host" is a slip, and "file:/etc" would be read as a host called file.
_NO_HOSTS: Final = frozenset({*SCHEMES, "ext", "fd", "file", "ftp", "ftps", "git"})
# IPv4 addresses in the clothes of IPv6: NAT64 and 6to4. The mapped ones Python knows.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
# What Python takes for public, or did in releases that we run on: service addresses, the relays of 6to4, local NAT64,
# site-local and documentation. Source: IANA's special-purpose address registries.
_SPECIAL: Final = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
    IPv6Network("3fff::/20"),
)


def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system knows for the name, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides by `allow`, the names of hosts and networks that may be reached though they are not public."""

    allow: Sequence[str] = ()
    resolver: Resolver = field(default=resolve)
    resolve_seconds: float = RESOLVE_SECONDS

    def addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses of a host. One that may not be reached refuses the name: it is not tried around.

        Refuses with AddressRefused, or NameUnknown.
        """
        found = self._resolved(host, port)
        if self._is_named(host):
            return found
        for text in found:
            if not self._may_reach(ip_address(text)):
                raise AddressRefused(
                    f"{host} is at {text}, which is not on the public internet, so Packistry does not connect to it. "
                    f"If it is yours, allow it with PACKISTRY_OUTBOUND_ALLOW={host}."
                )
        return found

    def refuse_inside(self, host: str, port: int) -> None:
        """Refuses with AddressRefused a host that is known here to be inside; one unknown here passes."""
        with suppress(NameUnknown):
            self.addresses(host, port)

    def _resolved(self, host: str, port: int) -> list[str]:
        try:
            # A zone ("fe80::1%eth0") has no place in an address of a host.
            return [text.partition("%")[0] for text in self._asked(host, port)]
        except TimeoutError as error:
            raise NameUnknown(
                f"The DNS did not tell the address of {host} in {self.resolve_seconds:g} seconds; try again later."
            ) from error
        except (OSError, UnicodeError) as error:
            raise NameUnknown(f"There is no address for the name {host}: check its spelling and the DNS.") from error

    def _asked(self, host: str, port: int) -> Sequence[str]:
        """What the resolver says, or TimeoutError: it takes no limit of time, so its thread is left waiting."""
        future: Future[Sequence[str]] = Future()

        def ask() -> None:
            try:
                future.set_result(self.resolver(host, port))
            except (OSError, UnicodeError) as error:
                future.set_exception(error)

        threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
        return future.result(self.resolve_seconds)

    def _is_named(self, host: str) -> bool:
        return any(host.lower().rstrip(".") == name.lower() for name in self.allow)

    def _may_reach(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in _networks(self.allow))


def _networks(allow: Sequence[str]) -> Iterator[IPv4Network | IPv6Network]:
    for entry in allow:
        # A name is compared as a name.
        with suppress(ValueError):
            yield ip_network(entry)


def is_public(address: Address) -> bool:
    """Whether it is of the open internet: not private, loopback, link-local, shared, multicast or reserved."""
    inner = _inside(address)
    if inner is not None:
        return is_public(inner)
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inside(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    if address in _SIX_TO_FOUR:
        return IPv4Address(address.packed[2:6])
    return None


def checked_address(url: str) -> str:
    """The address of a source as it is kept: its scheme in lower case, no blanks around it, no slashes at its end.

    Refuses with InvalidInput whatever is not http, https or ssh, could be read as an option of a program, or carries
    a password, a query or a control character. The sentence repeats no address that has a user in it.
    """
    address = url.strip().rstrip("/")
    problem = _problem(address)
    if problem:
        shown = "That" if "@" in address else repr(address[:100])
        raise InvalidInput(f"{shown} cannot be the address of a source: {problem}.", field="url")
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    return f"{scheme.lower()}{separator}{rest}"


def _problem(address: str) -> str | None:
    if not address or len(address) > ADDRESS_CHARACTERS:
        return f"give one with 1 to {ADDRESS_CHARACTERS} characters"
    if address.startswith("-"):
        return "it begins with a hyphen, so that a program would take it for an option"
    if not address.isprintable() or " " in address or "\\" in address:
        return "it holds a blank, a backslash or a control character"
    if "?" in address or "#" in address:
        return "leave out what follows the ? or #"
    return _problem_of_url(address) if "://" in address else _problem_of_scp_like(address)


def _problem_of_scp_like(address: str) -> str | None:
    match = _SCP_LIKE.fullmatch(address)
    if match is None or match["host"].lower() in _NO_HOSTS:
        return "begin it with http://, https:// or ssh://, or write git@host:path"
    return None


def _problem_of_url(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host, port, user = parts.hostname, parts.port, parts.username
    except ValueError:
        return "its host or port cannot be read"
    if parts.scheme.lower() not in SCHEMES:
        return "begin it with http://, https:// or ssh://"
    if not host or host.startswith("-") or "%" in host or port == 0:
        return "it names no host that can be reached"
    if parts.password is not None or (user is not None and parts.scheme.lower() != "ssh"):
        return "leave the user and the password out of it and give them as the credential"
    # ssh would read it as an option.
    return "its user is none" if user is not None and not re.match(r"\w", user) else None
