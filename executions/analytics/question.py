"""What is asked of the analytics: which executions, of which days. Read the same way for API, page and CSV."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q

from agents.models import Agent
from common import query
from common.errors import BadInput, NotFound
from executions.analytics import spans
from versions.models import Prompt
from versions.models.prompt import Mode

MODES = ("all", *Mode.values)
MOST_DAYS = 36_600
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Question:
    """Which executions: `first` and `last` are numbers of days, None for no limit; both are included."""

    mode: str = "all"
    first: int | None = None
    last: int | None = None
    prompt: Prompt | None = None
    agent: Agent | None = None
    include_tests: bool = False

    @property
    def of_some(self) -> bool:
        """Whether some prompts are asked for, not all."""
        return self.mode != "all" or self.prompt is not None or self.agent is not None

    def of_prompts(self, number: str) -> Q:
        """A condition on rows that keep the number of their prompt in the column `number`.

        Runs whose prompt was deleted count as full mode: only drafts of people are deleted.
        """
        found = Q()
        here = Prompt.objects.filter(pk=OuterRef(number))
        if self.mode != "all":
            tracked = Exists(here.filter(mode=Mode.TRACKING))
            found &= Q(tracked) if self.mode == Mode.TRACKING else ~Q(tracked)
        if self.prompt:
            found &= Q(**{number: self.prompt.pk})
        if self.agent:
            found &= Q(Exists(here.filter(agent=self.agent)))
        return found

    def as_json(self) -> dict[str, Any]:
        """What was asked, said back."""
        return {
            "mode": self.mode,
            "from": self.first and spans.as_date(self.first).isoformat(),
            "to": self.last and spans.as_date(self.last).isoformat(),
            "prompt": self.prompt.name if self.prompt else None,
            "agent": self.agent.name if self.agent else None,
            "include_tests": self.include_tests,
        }


def read(given: Mapping[str, str], *, days: int | None = None) -> Question:
    """Return what a query string asks: mode, from and to (days) or days (so many up to today), prompt, agent, tests.

    `days` holds where the query names no time. Raises BadInput (400), and NotFound for a prompt or agent there is not.
    """
    first, last = _days(given, days)
    return Question(
        mode=query.choice(given, "mode", MODES, default="all"),
        first=first,
        last=last,
        prompt=_named(Prompt, "prompt", given),
        agent=_named(Agent, "agent", given),
        include_tests=query.flag(given, "include_tests"),
    )


def _days(given: Mapping[str, str], days: int | None) -> tuple[int | None, int | None]:
    first, last = _day(given, "from"), _day(given, "to")
    if given.get("days"):
        if first or last:
            raise _bad("days", "Give either days, or from and to.")
        days = query.whole_number(given, "days", default=0, most=MOST_DAYS)
    if first is None and last is None:
        if days is None:
            return None, None
        last = spans.today()
        return spans.days_before(last, days), last
    if first and last and first > last:
        raise _bad("from", "It lies after to.")
    return first, last


def _day(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not date(1970, 1, 2) <= day <= date(9998, 12, 30):
        raise _bad(name, "It must be a day like 2026-01-31.")
    return day.toordinal()


def _named[M: (Prompt, Agent)](model: type[M], name: str, given: Mapping[str, str]) -> M | None:
    wanted = given.get(name, "")
    if not wanted:
        return None
    found = model.objects.filter(name=wanted).first()
    if found is None:
        raise NotFound(f"There is no {name} '{wanted}'.")
    return found


def _bad(name: str, what: str) -> BadInput:
    return BadInput(f"Parameter '{name}': {what}", errors={name: [what]})
