"""Where we may connect to, and which addresses a source may have."""

import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from packistry.errors import AddressRefused, InvalidInput, NameUnknown
from packistry.outbound.guard import Guard, checked_address, is_public

INSIDE = {
    "0.0.0.0": "this host, on Linux loopback",  # noqa: S104  (nothing is bound)
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "shared by carriers",
    "127.0.0.1": "loopback",
    "127.8.9.1": "loopback, all of it",
    "169.254.169.254": "where clouds keep credentials",
    "172.16.0.1": "private",
    "192.0.0.8": "service addresses",
    "192.0.2.1": "documentation",
    "192.88.99.1": "relays of 6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4 in IPv6, the old way",
    "::ffff:10.0.0.1": "private, mapped",
    "::ffff:169.254.169.254": "link-local, mapped",
    "64:ff9b::7f00:1": "loopback by NAT64",
    "64:ff9b::a9fe:a9fe": "link-local by NAT64",
    "64:ff9b:1::1": "local NAT64",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "loopback by 6to4",
    "2002:a00:1::1": "private by 6to4",
    "3fff::1": "documentation",
    "fc00::1": "unique local",
    "fd12:3456::1": "unique local",
    "fe80::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "ff0e::1": "multicast of the whole internet",
}

OUTSIDE = ["1.1.1.1", "93.184.216.34", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2606:4700::1111"]


def knowing(*addresses: str) -> Guard:
    """A guard to whom every name has these addresses."""
    return Guard(resolver=lambda _host, _port: addresses)


@pytest.mark.parametrize("address", INSIDE, ids=lambda address: f"{address} {INSIDE[address]}")
def test_what_is_not_on_the_public_internet_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="PACKISTRY_OUTBOUND_ALLOW=git\\.example") as refusal:
        knowing(address).addresses("git.example", 443)

    assert address in refusal.value.sentence


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_public_internet_is_reached(address: str) -> None:
    assert is_public(ip_address(address))
    assert knowing(address).addresses("git.example", 443) == [address]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::1", "localhost"])
def test_loopback_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(AddressRefused):
        Guard().addresses(host, 80)


def test_one_address_inside_refuses_the_name() -> None:
    with pytest.raises(AddressRefused):
        knowing("93.184.216.34", "10.0.0.1").addresses("git.example", 443)


@pytest.mark.parametrize(
    ("allow", "host", "address"),
    [
        pytest.param(["git.lan"], "git.lan", "10.0.0.1", id="a name"),
        pytest.param(["git.lan"], "GIT.lan.", "10.0.0.1", id="a name written otherwise"),
        pytest.param(["10.0.0.0/8"], "git.lan", "10.9.8.7", id="a network"),
        pytest.param(["other.lan", "fd00::/8"], "git.lan", "fd00::1", id="a network of IPv6 beside a name"),
        pytest.param(["127.0.0.1"], "127.0.0.1", "127.0.0.1", id="an address"),
    ],
)
def test_what_is_allowed_is_reached(allow: Sequence[str], host: str, address: str) -> None:
    assert Guard(allow, resolver=lambda _host, _port: [address]).addresses(host, 443) == [address]


@pytest.mark.parametrize(
    ("allow", "host", "address"),
    [
        pytest.param(["git.lan"], "evil.git.lan", "10.0.0.1", id="a name below an allowed one"),
        pytest.param(["git.lan"], "git.lan.evil.example", "10.0.0.1", id="a name that begins like an allowed one"),
        pytest.param(["10.0.0.0/8"], "git.lan", "169.254.169.254", id="another network"),
        pytest.param(["10.0.0.1"], "git.lan", "10.0.0.2", id="another address"),
    ],
)
def test_what_is_beside_the_allowed_is_refused(allow: Sequence[str], host: str, address: str) -> None:
    with pytest.raises(AddressRefused):
        Guard(allow, resolver=lambda _host, _port: [address]).addresses(host, 443)


def test_a_name_without_address_is_said_to_be_unknown() -> None:
    def resolver(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(NameUnknown, match="gti\\.example"):
        Guard(resolver=resolver).addresses("gti.example", 443)


def test_a_dns_that_hangs_is_not_waited_for() -> None:
    forever = threading.Event()

    def resolver(_host: str, _port: int) -> Sequence[str]:
        forever.wait()
        return []

    began_at = time.monotonic()
    with pytest.raises(NameUnknown, match=r"did not tell the address of slow\.example in 0\.05 seconds"):
        Guard(resolver=resolver, resolve_seconds=0.05).addresses("slow.example", 443)

    assert time.monotonic() - began_at < 5
    forever.set()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://git.example/", "https://git.example"),
        (" HTTPS://git.example:8443/code/ ", "https://git.example:8443/code"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("ssh://git@git.example/acme/~x.git", "ssh://git@git.example/acme/~x.git"),
        ("git@git.example:acme/widgets.git", "git@git.example:acme/widgets.git"),
        ("git.example:/srv/git/widgets.git", "git.example:/srv/git/widgets.git"),
    ],
)
def test_an_address_of_a_source_is_kept_in_one_form(given: str, kept: str) -> None:
    assert checked_address(given) == kept


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "1 to 2000"),
        ("https://git.example/" + "x" * 2000, "1 to 2000"),
        ("git.example", "begin it with"),
        ("/srv/git", "begin it with"),
        ("file:///etc/passwd", "begin it with"),
        ("file:/etc/passwd", "begin it with"),
        ("https:/git.example", "begin it with"),
        ("git://git.example/x", "begin it with"),
        ("ftp://git.example/x", "begin it with"),
        ("ext::sh", "begin it with"),
        ("ext::sh -c touch% /tmp/x", "a blank"),
        ("git@git.example::x", "begin it with"),
        ("-oProxyCommand=x", "hyphen"),
        ("--upload-pack=x", "hyphen"),
        ("ssh://-oProxyCommand=x/y", "names no host"),
        ("ssh://-l@git.example/y", "its user"),
        ("git@-oProxyCommand=x:y", "begin it with"),
        ("-l@git.example:y", "hyphen"),
        ("git@git.example:-x", "begin it with"),
        ("https:///x", "names no host"),
        ("https://git.example:0/x", "names no host"),
        ("https://[fe80::1%25eth0]/x", "names no host"),
        ("https://git.example:99999/x", "cannot be read"),
        ("https://[::1/x", "cannot be read"),
        ("https://git.example/x?private_token=y", r"the \? or #"),
        ("https://git.example/x#y", r"the \? or #"),
        ("https://git.example/#", r"the \? or #"),
        ("https://git.example/a b", "a blank"),
        ("https://git.example/a\nb", "a control"),
        ("https://git.example/a\x00b", "a control"),
        ("https://git.example\\@evil.example/", "a backslash"),
        ("https://git.example/\u202egnp", "a control"),
        ("https://me@git.example/x", "as the credential"),
        ("ssh://git:hunter2@git.example/x", "as the credential"),
    ],
)
def test_an_address_that_no_source_can_have_is_refused_in_a_sentence(address: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refusal:
        checked_address(address)

    assert refusal.value.field == "url"


def test_the_refusal_of_an_address_repeats_no_password() -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_address("https://me:hunter2@git.example/x")

    assert "hunter2" not in refusal.value.sentence
