"""Who did it: the words a ledger row keeps about its author, valid long after the account is gone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """The author of a change. `name` is what people read; `api_key` is the prefix of the key that was used."""

    name: str
    kind: str = "user"
    user_id: int | None = None
    api_key: str = ""


def system(name: str) -> Actor:
    """A program of ours that acts in nobody's name: registration, an importer, a migration command."""
    return Actor(name=f"system:{name}", kind="system")
