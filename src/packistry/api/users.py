"""Users: people, with what was given to them."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from packistry import clock
from packistry.access.permissions import Ability, Role
from packistry.accounts.actions import create_user, delete_user, make_password_hash, reset_password, update_user
from packistry.accounts.links import RESET, RESET_LASTS, make_reset_link
from packistry.accounts.mailing import PLACES
from packistry.accounts.queries import USER_ORDERS, User, part_of_users, summarise_user, user_at
from packistry.api.calls import Ask, Call, Listed, sorted_by
from packistry.api.inputs import Body, Grants, Id, Name, Words, words_of
from packistry.api.operations import list_of, operation
from packistry.db.engine import WriteSession
from packistry.documents.subjects import LinkDocument, UserDocument, user_document

router: Final = APIRouter(tags=["users"])
READ, WRITE = Ability.USERS_READ, Ability.USERS_WRITE

Password = Annotated[str, Field(min_length=10, max_length=1024)]


class NewUser(Body):
    """A user who is to be made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Ada", "email": "ada@example.com", "grants": [{"repository": "acme"}]}],
        }
    )

    name: Name
    email: Annotated[str, Field(min_length=3, max_length=255)]
    role: Role = Role.USER
    password: Annotated[Password | None, Field(description="Without one they cannot sign in with a browser.")] = None
    grants: Annotated[Grants, Field(default_factory=list)]


class UserChange(Body):
    """What is to be changed of a user. Grants replace those before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    name: Name | None = None
    email: Annotated[str, Field(min_length=3, max_length=255)] | None = None
    role: Role | None = None
    active: bool | None = None
    grants: Grants | None = None


class NewPassword(Body):
    """A password that replaces the one before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: Password


@operation(router, "GET", "/users", ability=READ, answers=list_of(UserDocument))
def list_users(
    call: Ask,
    *,
    listing: Listed,
    sort: Annotated[str, sorted_by(USER_ORDERS)] = "email",
    q: Words = "",
    role: Annotated[Role | None, Query(description="Only of this role.")] = None,
    active: Annotated[bool | None, Query(description="Only active ones, or only others.")] = None,
) -> Response:
    """Users with what was given to them."""
    part = listing.part(USER_ORDERS, sort)
    with call.read() as session:
        found = part_of_users(session, call.actor, part, words=words_of(q), role=role, active=active)
    return call.listed(found, part, USER_ORDERS, user_document)


@operation(router, "POST", "/users", ability=WRITE, answers=UserDocument, status=201, once=True)
def make_user(call: Ask, body: NewUser) -> Response:
    """Make a user."""
    grants = [each.grant() for each in body.grants]
    # Before the transaction: it takes 0.2 s, and SQLite has one writer.
    password_hash = None if body.password is None else make_password_hash(body.password)

    def make(session: WriteSession) -> Response:
        made = create_user(
            session,
            call.actor,
            name=body.name,
            email=body.email,
            password_hash=password_hash,
            role=body.role,
            grants=grants,
        )
        session.flush()
        return call.answer(user_document(summarise_user(session, made)), status=201, location=f"/users/{made.id}")

    return call.once(make)


@operation(router, "GET", "/users/{user_id}", ability=READ, answers=UserDocument)
def show_user(call: Ask, user_id: Id) -> Response:
    """A user."""
    with call.read() as session:
        return call.answer(user_document(summarise_user(session, user_at(session, call.actor, user_id))))


@operation(router, "PATCH", "/users/{user_id}", ability=WRITE, answers=UserDocument, guarded=True)
def change_user(call: Ask, user_id: Id, body: UserChange) -> Response:
    """Change a user. The last active administrator stays one."""
    with call.write() as session:
        user = _held(session, call, user_id)
        grants = None if body.grants is None else [each.grant() for each in body.grants]
        update_user(
            session,
            call.actor,
            user,
            name=body.name,
            email=body.email,
            role=body.role,
            active=body.active,
            grants=grants,
        )
        session.flush()
        return call.answer(user_document(summarise_user(session, user)))


@operation(router, "PUT", "/users/{user_id}/password", ability=WRITE, status=204)
def set_password(call: Ask, user_id: Id, body: NewPassword) -> Response:
    """Set another password. Every browser of the user is signed out; tokens go on working."""
    with call.read() as session:
        user_at(session, call.actor, user_id)
    password_hash = make_password_hash(body.password)
    with call.write() as session:
        reset_password(session, call.actor, user_at(session, call.actor, user_id), password_hash)
    return Response(status_code=204)


@operation(router, "POST", "/users/{user_id}/reset-link", ability=WRITE, answers=LinkDocument, status=201, once=True)
def make_link(call: Ask, user_id: Id) -> Response:
    """Make a link by which a user sets another password, once within 24 hours. It is answered this once."""

    def make(session: WriteSession) -> Response:
        user = user_at(session, call.actor, user_id)
        plain = make_reset_link(session, call.actor, user)
        link = f"{call.public_base}{PLACES[RESET]}/{plain}"
        return call.answer(LinkDocument(user.email, link, clock.now() + RESET_LASTS), status=201)

    return call.once(make)


@operation(router, "DELETE", "/users/{user_id}", ability=WRITE, status=204, guarded=True)
def remove_user(call: Ask, user_id: Id) -> Response:
    """Delete a user, with grants and personal tokens."""
    with call.write() as session:
        delete_user(session, call.actor, _held(session, call, user_id))
    return Response(status_code=204)


def _held(session: WriteSession, call: Call, user_id: int) -> User:
    """The user as they are, for this change alone. Refuses one who is not as the caller takes them to be."""
    call.hold(session)
    user = user_at(session, call.actor, user_id)
    call.refuse_outdated(session, user_document(summarise_user(session, user)))
    return user
