"""What templates need of evaluations."""

import json
from typing import Any

from django import template

from evaluations import approving
from evaluations.gates import figure
from evaluations.policy import Policy
from evaluations.scorers.texts import said as as_text
from evaluations.views import words

register = template.Library()
register.filter("as_figure", figure)
register.filter("as_money", words.money)
register.filter("standing", words.standing)
register.filter("scorer_words", words.scorer)
register.filter("cost_words", words.cost)


@register.filter
def run_behind(gate: Any) -> str:
    """The id of the run that the gate goes by, out of its conditions; "" where there is none."""
    return next((one.actual for one in gate if one.name == "evaluated" and one.met and one.actual), "")


@register.simple_tag
def approvals(version: Any) -> dict[str, Any]:
    """Who approved what a version says now, and who may; nothing where none is asked for."""
    required = Policy.of(version.prompt).required_approvals
    if not required:
        return {}
    return {"now": approving.standing(version), "required": required}


@register.filter
def in_short(value: Any) -> str:
    """The same in one line, for a list."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def text_of(value: Any) -> str:
    """A value as a text: a text as it is, everything else as JSON."""
    return as_text(value)
