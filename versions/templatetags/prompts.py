"""What templates need to show prompts: pieces, not markup, so that everything stays escaped."""

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from versions.metadata import day

register = template.Library()
VARIABLE = re.compile(r"(\{\{[ \t]*\w+[ \t]*\}\})")


@register.filter
def pieces(text: str) -> list[tuple[str, bool]]:
    """Split a text into (piece, is it a variable)."""
    return [(piece, bool(n % 2)) for n, piece in enumerate(VARIABLE.split(text)) if piece]


@register.filter
def as_json(value: Any) -> str:
    """Indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def on_day(moment: Any) -> str:
    """`Dec 1, 2025`."""
    return day(moment) if moment else ""


@register.filter
def as_moment(text: str) -> datetime | None:
    """A time out of the ledger's detail, where it is ISO text; None for anything else."""
    try:
        return parse_datetime(text)
    except (TypeError, ValueError):
        return None


# What every action of the ledger is called; who did it stands before, what it was done to behind.
PHRASES = {
    "agent_created": "created the agent",
    "agent_changed": "changed the agent",
    "agent_archived": "archived the agent",
    "agent_unarchived": "unarchived the agent",
    "agent_deleted": "deleted the agent",
    "prompt_created": "created the prompt",
    "prompt_changed": "changed the prompt",
    "prompt_archived": "archived the prompt",
    "prompt_unarchived": "unarchived the prompt",
    "prompt_deleted": "deleted the prompt",
    "created": "created",
    "edited": "edited",
    "promoted": "promoted",
    "promoted_by_override": "overrode the gate and promoted",
    "rolled_back": "rolled back",
    "archived": "archived",
    "unarchived": "unarchived",
    "deleted": "deleted",
    "registered": "registered",
    "registration_ignored": "came with an older commit and changed nothing: it stays at",
    "examples_changed": "changed the examples",
    "evaluated": "evaluated",
    "approved": "approved",
    "alerted": "raised an alert about",
    "promotion_proposed": "proposed to promote",
    "rollback_proposed": "proposed to roll back",
    "notice_resolved": "closed a notice about",
    "automation_on": "switched automation on",
    "automation_off": "switched automation off",
    "api_key_created": "created the API key",
    "api_key_revoked": "revoked the API key",
    "provider_created": "set up a provider",
    "provider_changed": "changed a provider",
    "provider_deleted": "removed a provider",
    "price_created": "set a price",
    "price_changed": "changed a price",
    "price_deleted": "removed a price",
}


@register.filter
def spoken(action: str) -> str:
    """An event's action as words: rolled_back, rolled back; prompt_created, created the prompt."""
    return PHRASES.get(action) or action.replace("_", " ")


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed; None drops one."""
    found: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        found.pop(name, None)
        if value is not None:
            found[name] = str(value)
    return f"?{found.urlencode()}" if found else "?"
