"""Bitbucket Cloud's API as one credential sees it: an API token of a person, or an OAuth consumer of a workspace."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from packistry.clock import now
from packistry.providers.access_tokens import AccessToken, token_key
from packistry.providers.answers import Host, header_text
from packistry.providers.base import Connection

LABEL = "Bitbucket"

# Longer is no span that a token was ever given for.
_LONGEST_SECONDS = 24 * 3600


def opened(connection: Connection) -> Host:
    """The API with an API token, or with a token that the OAuth consumer of the connection was given."""
    api, accept = f"{connection.address}/2.0", {"accept": "application/json"}
    if "token" in connection.credential:
        return Host(LABEL, api, connection.client, {**accept, **_basic(connection, "email", "token")})
    token = _access_token(connection)
    headers = {**accept, **_bearer(token)}

    def renewed() -> Mapping[str, str]:
        return {**headers, **_bearer(_access_token(connection, refused=token))}

    return Host(LABEL, api, connection.client, headers, renewed=renewed)


def _basic(connection: Connection, name: str, secret: str) -> Mapping[str, str]:
    pair = ":".join(header_text(connection.credential[field]) for field in (name, secret))
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token}"}


def _access_token(connection: Connection, *, refused: str | None = None) -> str:
    """A token of the OAuth consumer; another one than the host `refused`."""
    key = token_key(connection.address, connection.credential["key"], connection.credential["secret"])
    return connection.tokens.find(key, lambda: _granted(connection), refused=refused)


def _granted(connection: Connection) -> AccessToken:
    address = site(connection.address)
    headers = {"accept": "application/json", **_basic(connection, "key", "secret")}
    # A key or secret that is not known is answered 400, as RFC 6749 (5.2) allows.
    host = Host(
        LABEL, address, connection.client, headers, status_of=lambda one: 401 if one.status == 400 else one.status
    )
    form, asked_at = {"grant_type": "client_credentials"}, now()
    answer = host.send("POST", f"{address}/site/oauth2/access_token", what="access token for this consumer", form=form)
    row = host.read(answer)
    seconds = min(max(row.number_or_none("expires_in") or 0, 0), _LONGEST_SECONDS)
    return AccessToken(header_text(row.text("access_token")), asked_at + timedelta(seconds=seconds))


def site(address: str) -> str:
    """Where people go: the address of the API without its "api."."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.removeprefix("api.")).geturl()
