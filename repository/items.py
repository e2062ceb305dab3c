"""What code sends when it registers its prompts, read and checked before anything is looked up (SPEC 3, S1-12)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agents.models import DEFAULT_STATUS_KEY, Agent
from common.canonical import sha256
from common.errors import BadInput
from common.text import unstorable
from versions import content
from versions.models import Prompt
from versions.models.prompt import Kind, TemplateFormat
from versions.stages import ENVIRONMENTS, SEALED

MOST = 10_000  # items of a call (SPEC 3)
NOTHING = "No prompts provided"
COMMIT_LENGTH = 64
HASH_LENGTH = 200
SHOWN = 100  # bad items named in one answer
# A commit from the future would make every later one stale; clocks differ by less than this.
CLOCKS_DIFFER = timedelta(days=1)
STAGES = {name: stage for stage, name in ENVIRONMENTS.items() if stage not in SEALED} | {"prd": "PRD"}


@dataclass
class Item:
    """One prompt as code declares it. None means: not said, so what the ledger has stays as it is."""

    index: int
    name: str = ""
    text: str = ""
    type: str | None = None
    template_format: str | None = None
    config: dict[str, Any] | None = None
    agent: str = ""
    status_key: str | None = None
    title: str | None = None
    is_primary_default: bool = False
    environment: str = "prd"
    commit: str = ""
    committed_at: datetime | None = None
    template_hash: str | None = None
    checksum: str = field(default="", repr=False)

    @property
    def stage(self) -> str:
        """The stage that the environment stands for."""
        return STAGES[self.environment]

    @property
    def slot(self) -> tuple[str, str]:
        """The agent's name and the status key."""
        return self.agent, self.status_key or DEFAULT_STATUS_KEY

    @property
    def hash_mismatch(self) -> bool:
        """Whether the sender's hash is another than ours: accepted, and said (S1-13)."""
        return self.template_hash is not None and self.template_hash != self.checksum

    @property
    def said(self) -> tuple[Any, ...]:
        """What two items of one name must say alike."""
        return (self.text, self.type, self.template_format, self.config, *self.slot, self.title,
                self.is_primary_default, self.environment, self.commit, self.committed_at)  # fmt: skip


class BadItems(BadInput):
    """400 that names the wrong items by index and name; nothing was written."""

    def __init__(self, wrong: list[tuple[int, str, str]]) -> None:
        first = wrong[0]
        super().__init__(
            f"prompts[{first[0]}]{named(first[1])}: {first[2]}",
            items=[{"index": index, "name": name, "detail": detail} for index, name, detail in wrong[:SHOWN]],
            errors={f"prompts[{index}]": [detail] for index, _, detail in wrong[:SHOWN]},
        )


def named(name: str) -> str:
    """The name of an item in a sentence."""
    return f" '{name}'" if name else ""


def read_items(given: Any) -> list[Item]:
    """Return the items of a body's `prompts`, or raise BadInput or BadItems (400) that names all the wrong ones."""
    if given is None or given == []:
        raise BadInput(NOTHING)
    if not isinstance(given, list):
        raise BadInput("prompts must be a list of objects.", errors={"prompts": ["Not a list."]})
    if len(given) > MOST:
        said = f"{len(given):,} prompts were sent; {MOST:,} can be registered in one call."
        raise BadInput(said, code="too_many", errors={"prompts": [said]})
    items, wrong = [], []
    for index, raw in enumerate(given):
        try:
            items.append(_read(index, raw))
        except BadInput as error:
            name = raw.get("name") if isinstance(raw, dict) else ""
            wrong.append((index, name if isinstance(name, str) else "", error.detail))
    if wrong:
        raise BadItems(wrong)
    return items


def _read(index: int, raw: Any) -> Item:
    if not isinstance(raw, dict):
        raise BadInput("It is not an object.")
    unknown = sorted(str(key) for key in raw if key not in READERS)
    if unknown:
        raise BadInput(f"Unknown field {', '.join(unknown)}. Known here: {', '.join(READERS)}.")
    read = {key: READERS[key](raw[key], key) for key in raw if raw[key] is not None}
    if "template_source" not in read:
        raise BadInput("template_source is required.")
    if not read.get("name") and not read.get("agent"):
        raise BadInput("name is required, or agent (then the name is agent.status_key).")
    item = Item(index, text=read.pop("template_source"), **read)
    if isinstance(raw["template_source"], list):
        if item.type == Kind.TEXT:
            raise BadInput("template_source is a list of messages: that is a chat prompt, not type text.")
        item.type = Kind.CHAT
    if item.type == Kind.CHAT:
        item.text = content.check_text(Kind.CHAT, item.text, item.template_format or TemplateFormat.SIMPLE)
    elif not item.text.strip():
        raise BadInput(content.EMPTY)
    item.checksum = sha256(item.text)
    return item


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{name} must be text.")
    if why := unstorable(value):
        raise BadInput(f"{name} {why}.")
    return value


def _source(value: Any, name: str) -> str:
    return content.chat_text(value) if isinstance(value, list) else _text(value, name)


def _short(most: int) -> Any:
    def read(value: Any, name: str) -> str:
        if len(_text(value, name)) > most:
            raise BadInput(f"{name} is over {most} characters.")
        return value

    return read


def _as_field(model: type[Any], field_name: str) -> Any:
    """Read what a field of a model may hold, by the field's own rules."""
    column = model._meta.get_field(field_name)

    def read(value: Any, name: str) -> str:
        try:
            column.run_validators(_text(value, name))
        except ValidationError as error:
            raise BadInput(f"{name}: {' '.join(error.messages)}") from error
        return value

    return read


def _one_of(allowed: Any) -> Any:
    def read(value: Any, name: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise BadInput(f"{name} must be one of {', '.join(allowed)}.")
        return value

    return read


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{name} must be true or false.")
    return value


def _moment(value: Any, name: str) -> datetime:
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput(f"{name} must be a time with its zone, such as 2026-01-31T12:00:00Z (git log --format=%cI).")
    try:
        found = found.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"{name} is out of range.") from error
    if found > timezone.now() + CLOCKS_DIFFER:
        raise BadInput(f"{name} is in the future. Check the clock of the machine that committed.")
    return found


READERS: dict[str, Any] = {
    "name": _as_field(Prompt, "name"),
    "template_source": _source,
    "template_hash": _short(HASH_LENGTH),
    "agent": _as_field(Agent, "name"),
    "status_key": _as_field(Prompt, "status_key"),
    "title": _as_field(Prompt, "title"),
    "type": _one_of(Kind.values),
    "template_format": _one_of(TemplateFormat.values),
    "config": lambda value, name: content.check_config(value),
    "is_primary_default": _flag,
    "environment": _one_of(tuple(STAGES)),
    "commit": _short(COMMIT_LENGTH),
    "committed_at": _moment,
}


def refuse_contradictions(items: list[Item]) -> None:
    """Raise BadItems where two items of one call do not agree: on a name, a slot, or an agent's primary key."""
    of_agents = [item for item in items if item.agent]
    primary = [item for item in of_agents if item.is_primary_default]
    wrong = [
        *_doubles(items, "name", "said", "prompt '{0}' is there twice, and not alike"),
        *_doubles(of_agents, "slot", "name", "agent '{0[0]}' gets two prompts for status key '{0[1]}'"),
        *_doubles(primary, "agent", "slot", "agent '{0}' gets two primary defaults"),
    ]
    if wrong:
        raise BadItems(wrong)


def _doubles(items: list[Item], key: str, alike: str, said: str) -> Iterator[tuple[int, str, str]]:
    """Yield the items that share `key` with an earlier one, but not `alike`."""
    first: dict[Any, Item] = {}
    for item in items:
        other = first.setdefault(getattr(item, key), item)
        if getattr(other, alike) != getattr(item, alike):
            yield item.index, item.name, f"{said.format(getattr(item, key))}: see prompts[{other.index}]."
