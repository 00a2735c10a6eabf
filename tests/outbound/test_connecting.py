"""TLS with authorities of one's own, and proxies."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from packistry.errors import AddressRefused, InvalidSetting, Unreachable
from packistry.outbound.client import Client
from packistry.outbound.connecting import tls_context
from packistry.outbound.guard import Guard
from tests.outbound.conftest import PATIENCE
from tests.outbound.servers import read_head, saying, server_context, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LOOPBACK = Guard(["git.example"], resolver=lambda _host, _port: ["127.0.0.1"])


class Authority:
    """An authority that certifies any name."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority of the tests")])
        self._certificate = self._signed(self._name, self._key.public_key(), None)

    @property
    def pem(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def certify(self, host: str) -> bytes:
        """A key and a certificate for the host, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._signed(name, key.public_key(), host)
        plain = serialization.NoEncryption()
        return key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
        ) + certificate.public_bytes(serialization.Encoding.PEM)

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, host: str | None) -> x509.Certificate:
        # What X509_V_FLAG_X509_STRICT of Python 3.13 wants to see is in it.
        now = datetime.now(UTC)
        issuer_key = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=host is None,
                    crl_sign=host is None,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if host is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def ca_file(authority: Authority, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return path


def test_an_authority_of_ones_own_is_trusted_and_asked_by_name(
    authority: Authority, ca_file: Path, tmp_path: Path
) -> None:
    named: list[str | None] = []
    context = server_context(tmp_path, authority.certify("git.example"))
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    client = Client(PATIENCE, LOOPBACK, ca_file=ca_file)

    with serving(saying(OK), context) as host:
        answer = client.send("GET", f"https://git.example:{host.port}/x")

    assert (answer.body, named) == (b"ok", ["git.example"])
    assert f"\r\nhost: git.example:{host.port}\r\n".encode() in host.heads[0].lower()
    client.close()


@pytest.mark.parametrize("certified", ["other.example", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(
    authority: Authority, ca_file: Path, tmp_path: Path, certified: str
) -> None:
    client = Client(PATIENCE, LOOPBACK, ca_file=ca_file)

    with (
        serving(saying(OK), server_context(tmp_path, authority.certify(certified))) as host,
        pytest.raises(Unreachable, match=r"certificate of git\.example cannot be trusted"),
    ):
        client.send("GET", f"https://git.example:{host.port}/")

    assert host.heads == []
    client.close()


def test_an_unknown_authority_is_refused_with_the_setting_to_use(authority: Authority, tmp_path: Path) -> None:
    client = Client(PATIENCE, LOOPBACK)

    with (
        serving(saying(OK), server_context(tmp_path, authority.certify("git.example"))) as host,
        pytest.raises(Unreachable, match="PACKISTRY_OUTBOUND_CA_FILE"),
    ):
        client.send("GET", f"https://git.example:{host.port}/")

    client.close()


def test_a_host_without_tls_is_said(ca_file: Path) -> None:
    client = Client(PATIENCE, LOOPBACK, ca_file=ca_file)

    def serve_plainly(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(serve_plainly) as host, pytest.raises(Unreachable, match=r"git\.example"):
        client.send("GET", f"https://git.example:{host.port}/")

    client.close()


def test_https_is_not_led_to_http(authority: Authority, ca_file: Path, tmp_path: Path) -> None:
    client = Client(PATIENCE, LOOPBACK, ca_file=ca_file)
    leading = saying(b"HTTP/1.1 302 Found\r\nLocation: http://git.example/\r\nContent-Length: 0\r\n\r\n")

    with (
        serving(leading, server_context(tmp_path, authority.certify("git.example"))) as host,
        pytest.raises(AddressRefused, match="not safe"),
    ):
        client.send("GET", f"https://git.example:{host.port}/")

    client.close()


@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_a_file_without_authorities_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)

    with pytest.raises(InvalidSetting, match="PACKISTRY_OUTBOUND_CA_FILE"):
        Client(PATIENCE, Guard(), ca_file=path)


def proxied(port: int, *, guard: Guard | None = None, ca_file: Path | None = None) -> Client:
    """A client behind a proxy on that port, for which it has a password."""
    unknowing = Guard(resolver=unknown)
    return Client(PATIENCE, guard or unknowing, ca_file=ca_file, proxy=f"http://me:pw@127.0.0.1:{port}")


def unknown(_host: str, _port: int) -> list[str]:
    raise OSError


def test_a_proxy_is_asked_for_what_only_it_knows() -> None:
    with serving(saying(OK)) as proxy:
        client = proxied(proxy.port)
        answer = client.send("GET", "http://git.example/x", headers={"authorization": "Bearer t"})
        client.close()

    (head,) = proxy.heads
    assert answer.body == b"ok"
    assert head.startswith(b"GET http://git.example/x HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6chc=" in head.lower()


def test_a_proxy_connects_and_sees_nothing_of_tls(authority: Authority, ca_file: Path, tmp_path: Path) -> None:
    context = server_context(tmp_path, authority.certify("git.example"))
    seen: list[bytes] = []

    def connect(connection: socket.socket, _head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inner:
            seen.append(read_head(inner))
            inner.sendall(OK)

    with serving(connect) as proxy:
        client = proxied(proxy.port, ca_file=ca_file)
        answer = client.send("GET", "https://git.example/x", headers={"authorization": "Bearer t"})
        client.close()

    assert answer.body == b"ok"
    assert proxy.heads[0].startswith(b"CONNECT git.example:443 HTTP/1.1\r\n")
    assert b"Bearer" not in proxy.heads[0]
    assert b"proxy-authorization" not in seen[0].lower()


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "https://10.0.0.1/", "http://127.0.0.1:8080/"])
def test_a_proxy_is_not_asked_for_what_is_inside(url: str) -> None:
    with serving(saying(OK)) as proxy:
        client = proxied(proxy.port, guard=Guard())
        with pytest.raises(AddressRefused):
            client.send("GET", url)
        client.close()

    assert proxy.heads == []


def test_a_proxy_that_refuses_is_said() -> None:
    with serving(saying(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")) as proxy:
        client = proxied(proxy.port)
        with pytest.raises(Unreachable, match="407") as refusal:
            client.send("GET", "https://git.example/")
        client.close()

    assert "pw" not in refusal.value.sentence


def test_a_proxy_that_hangs_is_left_in_time(wait: Callable[[socket.socket, bytes], None]) -> None:
    with serving(wait) as proxy:
        client = proxied(proxy.port)
        with pytest.raises(Unreachable):
            client.send("POST", "https://git.example/")
        client.close()


@pytest.fixture
def wait() -> Callable[[socket.socket, bytes], None]:
    """Keeps a connection without a word."""

    def serve(connection: socket.socket, _head: bytes) -> None:
        connection.recv(1)

    return serve


def test_the_authorities_of_the_system_stay_trusted(ca_file: Path) -> None:
    ours, both = tls_context(None), tls_context(ca_file)

    assert len(both.get_ca_certs()) == len(ours.get_ca_certs()) + 1
    assert (both.verify_mode, both.check_hostname) == (ssl.CERT_REQUIRED, True)
