"""Who acts: a signed-in user, or a user's API key, as the ledger and the table of actions know them."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from accounts import roles
from common.errors import Forbidden
from ledger.actors import Actor


@dataclass(frozen=True)
class Person(Actor):
    """A user who acts, narrowed by the scopes of the key in use; `scopes` is None for a browser session."""

    user: Any = field(default_factory=AnonymousUser, compare=False)
    scopes: frozenset[str] | None = None

    @classmethod
    def of(cls, user: AbstractBaseUser | AnonymousUser, key: Any = None) -> "Person":
        """The person behind a user, acting through `key` (an ApiKey) or a session."""
        return cls(
            name=user.get_username() or "anonymous",
            user_id=user.pk,
            user=user,
            api_key=key.prefix if key else "",
            scopes=frozenset(key.scopes) if key else None,
        )

    def may(self, permission: str) -> bool:
        """Whether user and scopes both allow "app.codename": not to inactive users, nor what roles.py does not know."""
        allowing = roles.scopes_of(permission)
        if not allowing or (self.scopes is not None and not self.scopes & allowing):
            return False
        return self.user.is_active and self.user.has_perm(permission)

    def require(self, permission: str) -> None:
        """Raise Forbidden (403) unless the person may; the sentence tells key and person apart."""
        if self.may(permission):
            return
        wanted = " or ".join(sorted(roles.scopes_of(permission)))
        if self.scopes is not None and wanted and not self.scopes & roles.scopes_of(permission):
            raise Forbidden(f"This API key lacks the scope '{wanted}'.", permission=permission)
        raise Forbidden("You are not allowed to do this. Ask an admin for the permission.", permission=permission)


def person(request: Any) -> Person:
    """Return who makes this request (Django's or DRF's), once per request and way of signing in."""
    user, key = request.user, getattr(request, "auth", None)
    underlying = getattr(request, "_request", request)
    way = user.pk, key.prefix if key else ""
    cached = getattr(underlying, "_person", None)
    if cached is None or (cached.user_id, cached.api_key) != way:
        cached = underlying._person = Person.of(user, key)
    return cached
