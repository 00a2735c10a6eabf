"""Who asks: the look at what changed, then the view of the credential. Every handler on the wire begins here."""

from packistry.access.answers import door_refusal
from packistry.access.views import View
from packistry.db.watch import Watcher
from packistry.repositories.queries import RepositoryFacts
from packistry.repositories.serve import Registry
from packistry.tokens.usage import TokenUses
from packistry.web.identity import Identity
from packistry.web.requests import Request


class Caller:
    """Recognises callers, lets them in or not, and notes the use of their tokens. One per worker."""

    def __init__(self, watcher: Watcher, identity: Identity, uses: TokenUses, registry: Registry) -> None:
        self._watcher = watcher
        self._identity = identity
        self._uses = uses
        self._registry = registry

    async def view(self, request: Request) -> View:
        """What the caller may read now. Everything kept in memory is good for this request afterwards."""
        await self._watcher.look()
        view = await self._identity.view(request.headers.get(b"authorization"), request)
        token_id = view.token_id
        if token_id is not None:
            self._uses.note(token_id, request.caller)
        user_id = view.user_id
        if user_id is not None:
            self._uses.saw(user_id)
        return view

    async def enter(self, request: Request, path: str) -> tuple[View, RepositoryFacts]:
        """The view, and the repository at this path, whose door is open to it. Refuses as the door says."""
        view = await self.view(request)
        return view, await self.pass_door(view, path)

    async def pass_door(self, view: View, path: str) -> RepositoryFacts:
        """The repository at this path. Refuses as the door says, of an unknown one as of a private one."""
        facts = await self._registry.repository(path)
        refusal = door_refusal(view, facts.id if facts else None, public=bool(facts and facts.public))
        if refusal is not None:
            raise refusal
        assert facts is not None, "the door lets nobody into a repository that is not there"
        return facts
