"""The answer to a question: figures in all, and by mode, agent, prompt, version, model and day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from executions.analytics import spans
from executions.analytics.collecting import collect
from executions.analytics.figures import Figures
from executions.analytics.folding import fold
from executions.analytics.live import Key
from executions.analytics.question import Question
from versions.models import Prompt
from versions.models.prompt import Mode


class Subject(NamedTuple):
    """A prompt as it is called now; one that was deleted as it was called when it ran."""

    name: str
    mode: str
    agent: str | None
    deleted: bool = False


MANY = 5_000  # rows that were added one by one: it is time to fold


@dataclass
class Report:
    """Figures in all and by each breakdown: the keys of a breakdown name its rows."""

    question: Question
    total: Figures
    by_mode: dict[str, Figures]
    by_agent: dict[str | None, Figures]
    by_prompt: dict[Subject, Figures]
    by_version: dict[tuple[Subject, str], Figures]
    by_model: dict[tuple[str, str], Figures]
    by_day: dict[int, Figures]

    def as_json(self) -> dict[str, Any]:
        """The answer of GET /v1/analytics/prompts (S1-49), and what else is known."""
        return {
            **self.question.as_json(),
            "summary": {
                "total_executions": self.total.executions,
                "full_mode_prompts": Prompt.objects.filter(mode=Mode.FULL).count(),
                "tracking_mode_prompts": Prompt.objects.filter(mode=Mode.TRACKING).count(),
                **self.total.as_json(),
            },
            "by_mode": {mode: figures.as_json() for mode, figures in self.by_mode.items()},
            "by_agent": [{"agent": agent, **figures.as_json()} for agent, figures in self.by_agent.items()],
            "by_prompt": [
                {"prompt": one.name, "agent": one.agent, "mode": one.mode, **figures.as_json()}
                for one, figures in self.by_prompt.items()
            ],
            "by_version": [
                {"prompt": one.name, "label": label, "mode": one.mode, **figures.as_json()}
                for (one, label), figures in self.by_version.items()
            ],
            "by_model": [
                {"provider": provider, "model_name": model, **figures.as_json()}
                for (provider, model), figures in self.by_model.items()
            ],
            "by_day": [
                {"day": spans.as_date(day).isoformat(), **figures.as_json()} for day, figures in self.by_day.items()
            ],
        }


def report(question: Question) -> Report:
    """Return what the executions that are asked for add up to."""
    found = collect(question)
    if found.rows > MANY and connection.features.has_select_for_update_skip_locked:
        # No worker does it in time; and here nobody is kept waiting: who holds the lock is passed by.
        fold()
    modes = Mode.values if question.mode == "all" else [question.mode]
    total, by_mode = Figures(), {mode: Figures() for mode in modes}
    by_agent: dict[str | None, Figures] = defaultdict(Figures)
    by_prompt: dict[Subject, Figures] = defaultdict(Figures)
    by_version: dict[tuple[Subject, str], Figures] = defaultdict(Figures)
    by_model: dict[tuple[str, str], Figures] = defaultdict(Figures)
    names = subjects(found.by_series)
    for key, figures in found.by_series.items():
        by_version[names[key.prompt, key.prompt_name], key.label].add(figures.sums, figures.blocks)
        by_model[key.provider, key.model_name].add(figures.sums, figures.blocks)
    # Each breakdown from the next finer one: far fewer sums than from the series.
    for (one, _), figures in by_version.items():
        by_prompt[one].add(figures.sums, figures.blocks)
    for one, figures in by_prompt.items():
        by_agent[one.agent].add(figures.sums, figures.blocks)
        by_mode[one.mode].add(figures.sums, figures.blocks)
    for figures in by_mode.values():
        total.add(figures.sums, figures.blocks)
    return Report(
        question,
        total,
        by_mode,
        most_first(by_agent),
        most_first(by_prompt),
        most_first(by_version),
        most_first(by_model),
        dict(sorted(found.by_day.items())),
    )


def most_first[K](group: dict[K, Figures]) -> dict[K, Figures]:
    """The rows of a breakdown, those with the most executions first, equal ones by name."""
    return dict(sorted(group.items(), key=lambda row: (-row[1].executions, str(row[0]))))


def subjects(series: Iterable[Key]) -> dict[tuple[int | None, str], Subject]:
    """Return who the prompts of these series are, by number and by the name that the executions kept."""
    asked = {(key.prompt, key.prompt_name) for key in series}
    numbers = sorted({number for number, _ in asked if number is not None})
    known = {
        number: Subject(name, mode, agent)
        for start in range(0, len(numbers), 500)
        for number, name, mode, agent in Prompt.objects.filter(pk__in=numbers[start : start + 500]).values_list(
            "pk", "name", "mode", "agent__name"
        )
    }
    return {
        (number, name): known.get(number or 0, Subject(f"{name} (deleted)", Mode.FULL.value, None, deleted=True))
        for number, name in asked
    }
