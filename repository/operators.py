"""In whose name a command acts: a user's, under their permissions, or the program's own.

Who has a shell on the server may do everything there; the ledger then names the program, system:promote_prompt.
"""

from dataclasses import dataclass

from django.contrib.auth.models import User

from accounts.actors import Person
from common.errors import NotFound
from ledger.actors import Actor


@dataclass(frozen=True)
class Operator(Actor):
    """A program that somebody runs on the server: nothing is closed to it but what the stages forbid."""

    def may(self, permission: str) -> bool:
        """Whoever may run it may do it."""
        return True


def acting(command: str, username: str | None) -> Person | Operator:
    """Return who acts. Raises NotFound for a user that is not there."""
    if not username:
        return Operator(name=f"system:{command}", kind="system")
    user = User.objects.filter(username=username).first()
    if user is None:
        raise NotFound(f"There is no user '{username}'.")
    return Person.of(user)
