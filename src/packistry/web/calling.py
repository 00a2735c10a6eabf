"""Who asks: the look at what changed, then the view of the credential. Every handler on the wire begins here."""

from packistry.access.views import View
from packistry.db.watch import Watcher
from packistry.tokens.usage import TokenUses
from packistry.web.identity import Identity
from packistry.web.requests import Request


class Caller:
    """Recognises callers and notes the use of their tokens. One per worker."""

    def __init__(self, watcher: Watcher, identity: Identity, uses: TokenUses) -> None:
        self._watcher = watcher
        self._identity = identity
        self._uses = uses

    async def view(self, request: Request) -> View:
        """What the caller may read now. Everything kept in memory is good for this request afterwards."""
        await self._watcher.look()
        view = await self._identity.view(request.headers.get(b"authorization"), request)
        token_id = view.token_id
        if token_id is not None:
            self._uses.note(token_id, request.caller)
        return view
