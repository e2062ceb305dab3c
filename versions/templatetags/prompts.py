"""What templates need to show prompts: pieces, not markup, so that everything stays escaped."""

import json
import re
from typing import Any

from django import template
from django.http import QueryDict

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


SUBJECTS = {"agent": "the agent", "prompt": "the prompt", "api_key": "the API key"}


@register.filter
def spoken(action: str) -> str:
    """An event's action as words: rolled_back, rolled back; prompt_created, created the prompt."""
    subject, _, verb = action.rpartition("_")
    return f"{verb} {SUBJECTS[subject]}" if subject in SUBJECTS else action.replace("_", " ")


@register.simple_tag(takes_context=True)
def query(context: dict[str, Any], **changes: Any) -> str:
    """The present query string with some parameters changed; None drops one."""
    found: QueryDict = context["request"].GET.copy()
    for name, value in changes.items():
        found.pop(name, None)
        if value is not None:
            found[name] = str(value)
    return f"?{found.urlencode()}" if found else "?"
