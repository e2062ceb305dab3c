"""What the page shows of a report: tiles, charts over time, tables of breakdowns, marks of what went live."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.timezone import localtime

from executions.analytics import charts, spans, words
from executions.analytics.charts import Chart, Mark, Place
from executions.analytics.figures import Figures
from executions.analytics.latencies import percentiles
from executions.analytics.question import Question
from executions.analytics.reading import Report, Subject, report
from ledger.models import LedgerEvent
from versions.metadata import MONTHS
from versions.stages import Stage

SHOWN = 15  # rows of a breakdown
MOST_MARKS = 120
BY_DAY, BY_WEEK = 120, 800  # up to so many days a column is a day, a week, else so many weeks that there is room
MOST_DAYS = 3_660


@dataclass(frozen=True)
class Tile:
    """One figure, and how it changed against the time before."""

    said: str
    value: str
    note: str = ""
    change: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Column:
    """One place on the time axis."""

    first: int
    last: int
    figures: Figures
    p50: int | None
    p95: int | None

    @property
    def said(self) -> str:
        """`Nov 3`, or `Nov 3 – Nov 9`."""
        return _day(self.first) if self.first == self.last else f"{_day(self.first)} – {_day(self.last)}"


@dataclass(frozen=True)
class Line:
    """A row of a breakdown."""

    name: str
    note: str
    url: str
    share: float
    bad: float
    cells: Sequence[str]


def _day(number: int) -> str:
    day = date.fromordinal(number)
    return f"{MONTHS[day.month - 1]} {day.day}"


def columns(found: Report) -> list[Column]:
    """The time that was asked for in equal steps; without limits, that in which anything ran."""
    if not found.by_day:
        return []
    asked, (earliest, latest) = found.question, (min(found.by_day), max(found.by_day))
    first, last = asked.first or earliest, asked.last or latest
    if last - first >= MOST_DAYS:  # a time that nobody looks at: what there is of it is shown
        first, last = max(first, earliest), min(last, latest)
    days = last - first + 1
    step = 1 if days <= BY_DAY else 7 if days <= BY_WEEK else 28 * -(-days // (28 * BY_DAY))
    made = []
    for start in range(first, last + 1, step):
        end = min(start + step - 1, last)
        figures = Figures()
        for day in range(start, end + 1):
            if day in found.by_day:
                figures.add(found.by_day[day].sums, found.by_day[day].blocks)
        p50, p95 = percentiles(figures.blocks, 50, 95)
        made.append(Column(start, end, figures, p50, p95))
    return made


def tiles(found: Report) -> list[Tile]:
    """The figures in all. Where the time has a beginning and an end, each is compared with as many days before."""
    now, before = found.total, _before(found.question)
    p50, p95 = percentiles(now.blocks, 50, 95)
    was50, was95 = percentiles(before.blocks, 50, 95) if before else (None, None)
    unpriced = now.executions - now.priced
    return [
        Tile("Executions", f"{now.executions:,}", f"{len(found.by_prompt)} prompts",
             _change(now.executions, before.executions if before else None)),
        Tile("Errors", words.percent(now.error_rate), f"{now.failed:,} failed", *_points(now, before)),
        Tile("Latency, half within", words.duration(p50), "p50", *_slower(p50, was50)),
        Tile("Latency, 95 % within", words.duration(p95), "p95", *_slower(p95, was95)),
        Tile("Tokens", words.short(now.prompt_tokens + now.response_tokens),
             f"{words.short(now.prompt_tokens)} in, {words.short(now.response_tokens)} out",
             _change(_tokens(now), _tokens(before) if before else None)),
        Tile("Cost", words.money(now.cost_usd), f"{unpriced:,} not known" if unpriced else "all known",
             _change(float(now.cost_usd), float(before.cost_usd) if before else None)),
    ]  # fmt: skip


def _tokens(figures: Figures) -> int:
    return figures.prompt_tokens + figures.response_tokens


def _before(asked: Question) -> Figures | None:
    if asked.first is None or asked.last is None:
        return None
    days = asked.last - asked.first + 1
    if days >= MOST_DAYS:
        return None
    found = report(replace(asked, first=asked.first - days, last=asked.first - 1)).total
    return found if found.executions else None


def length_of(asked: Question) -> str:
    """What the change of a figure is measured against, in words."""
    if asked.first is None or asked.last is None:
        return ""
    days = asked.last - asked.first + 1
    return "vs the day before" if days == 1 else f"vs {days} days before"


def _change(now: float, before: float | None) -> str:
    if not before:
        return ""
    grown = now / before - 1
    return f"{'+' if grown >= 0 else '−'}{words.percent(abs(grown))}"


def _points(now: Figures, before: Figures | None) -> tuple[str, str]:
    if not before:
        return "", ""
    more = now.error_rate - before.error_rate
    return f"{'+' if more >= 0 else '−'}{abs(more) * 100:.1f} points", _judged(more, 0.001)


def _slower(now: int | None, before: int | None) -> tuple[str, str]:
    if not now or not before:
        return "", ""
    return _change(now, before), _judged(now / before - 1, 0.02)


def _judged(more: float, unless: float) -> str:
    return "" if abs(more) < unless else "worse" if more > 0 else "better"


def over_time(steps: list[Column], marks: list[Mark]) -> list[Chart]:
    """The charts of a time axis."""
    every = [step.figures for step in steps]
    return [
        _stacked("Executions", "executions", steps, marks,
                 [("Succeeded and open", "good", lambda one: one.executions - one.failed),
                  ("Failed", "bad", lambda one: one.failed)],
                 words.short, whole=True, total=f"{sum(one.executions for one in every):,}"),
        _stacked("Error rate", "errors", steps, marks,
                 [("Failed, of a hundred", "bad", lambda one: one.error_rate * 100)], lambda value: f"{value:g} %"),
        _latency(steps, marks),
        _stacked("Tokens", "tokens", steps, marks,
                 [("In", "first", lambda one: one.prompt_tokens), ("Out", "second", lambda one: one.response_tokens)],
                 words.short, whole=True),
        _stacked("Cost", "cost", steps, marks, [("US dollars", "first", lambda one: float(one.cost_usd))], words.money),
    ]  # fmt: skip


Part = tuple[str, str, Callable[[Figures], float]]


def _stacked(
    title: str, name: str, steps: list[Column], marks: list[Mark], parts: list[Part], say: charts.Say, *,
    whole: bool = False, total: str = "",
) -> Chart:  # fmt: skip
    values = [[amount(step.figures) for _, _, amount in parts] for step in steps]
    top = charts.scale(max((sum(row) for row in values), default=0), whole=whole)
    exact = (lambda value: f"{value:,.0f}") if whole else say
    rows = [[step.said, *(exact(amount) for amount in row)] for step, row in zip(steps, values, strict=True)]
    return Chart(
        title=title, name=name, ticks=charts.ticks(top, say), legend=[(said, kind) for said, kind, _ in parts],
        columns=["Day", *(said for said, _, _ in parts)], rows=rows,
        places=_places(steps, rows, [said for said, _, _ in parts]),
        labels=_labels(steps), marks=marks, total=total,
        bars=charts.stacks(values, [kind for _, kind, _ in parts], top),
    )  # fmt: skip


def _latency(steps: list[Column], marks: list[Mark]) -> Chart:
    """p50 and p95 over powers of ten: one slow day would make a straight scale tell of nothing else."""
    low, high = charts.decades(
        min((step.p50 for step in steps if step.p50 is not None), default=1),
        max((step.p95 for step in steps if step.p95 is not None), default=1),
    )
    half = [charts.on_decades(step.p50, low, high) for step in steps]
    most = [charts.on_decades(step.p95, low, high) for step in steps]
    names = ("p50", "p95")
    rows = [[step.said, words.duration(step.p50), words.duration(step.p95)] for step in steps]
    return Chart(
        title="Latency", name="latency", ticks=charts.tick_of_each_decade(low, high, words.duration),
        legend=[("p50", "first"), ("p95", "third")], columns=["Day", *names], rows=rows,
        places=_places(steps, rows, names), labels=_labels(steps), marks=marks,
        lines=[(charts.line(most, 1), "third"), (charts.line(half, 1), "first")],
        areas=[(charts.line(half, 1, ground=True), "first")], note="each line ten times the one below",
    )  # fmt: skip


def _places(steps: list[Column], rows: Iterable[Sequence[str]], names: Sequence[str]) -> list[Place]:
    width = charts.WIDTH / max(len(steps), 1)
    return [
        Place(round(place * width, 2), round(width, 2),
              f"{row[0]}: " + ", ".join(f"{name} {said}" for name, said in zip(names, row[1:], strict=True)))
        for place, row in enumerate(rows)
    ]  # fmt: skip


def _labels(steps: list[Column]) -> list[str]:
    """The words below a chart: the first, the last, and one in the middle where there is room."""
    if len(steps) < 3:
        return [_day(step.first) for step in steps]
    return [_day(steps[0].first), _day(steps[len(steps) // 2].first), _day(steps[-1].first)]


# How something came to production other than by a promotion: what is said of it, and how its mark looks.
WAYS = {
    "rolled_back": ("rolled back", "back"),
    "promoted_by_override": ("gate overridden", "override"),
    "registered": ("from code", "code"),
}


@dataclass(frozen=True)
class Live:
    """Something that came to production: the event, and how it came."""

    event: LedgerEvent
    way: str
    kind: str


def went_live(asked: Question, steps: list[Column]) -> list[Live]:
    """What came to production in this time, newest first."""
    if not steps:
        return []
    found = LedgerEvent.objects.filter(
        asked.of_prompts("prompt_id"), ~Q(from_stage=Stage.PRD), to_stage=Stage.PRD,
        at__gte=spans.beginning(steps[0].first), at__lt=spans.beginning(steps[-1].last + 1),
    )  # fmt: skip
    return [Live(event, *WAYS.get(event.action, ("", ""))) for event in found.order_by("-at", "-id")[:MOST_MARKS]]


def marks_of(found: list[Live], steps: list[Column]) -> list[Mark]:
    """A mark on the time axis for each of these."""
    if not steps:
        return []
    begin, end = spans.beginning(steps[0].first), spans.beginning(steps[-1].last + 1)
    return [
        Mark(
            x=round((one.event.at - begin) / (end - begin) * charts.WIDTH, 2),
            said=f"{one.event.prompt} {one.event.label} went live on "
            f"{_day(localtime(one.event.at).date().toordinal())}{one.way and f' ({one.way})'}",
            kind=one.kind,
        )
        for one in found
    ]


def kinds_of(marks: list[Mark]) -> list[tuple[str, str]]:
    """What the legend says of the marks that are there, with the looks of each."""
    said = {"": "Went live", **{kind: way.capitalize() for way, kind in WAYS.values()}}
    return [(kind, words) for kind, words in said.items() if any(mark.kind == kind for mark in marks)]


def breakdowns(found: Report) -> list[dict[str, Any]]:
    """The tables: by mode, agent, prompt, version and model."""
    prompts: Rows = [((one.name, one.agent or "", _page_of(one)), row) for one, row in found.by_prompt.items()]
    versions: Rows = [
        ((f"{one.name} {label}", "", _page_of(one, label)), row) for (one, label), row in found.by_version.items()
    ]
    agents: Rows = [
        ((agent or "No agent", "", reverse("agents:detail", args=[agent]) if agent else ""), row)
        for agent, row in found.by_agent.items()
    ]
    models: Rows = [((model, provider, ""), row) for (provider, model), row in found.by_model.items()]
    modes: Rows = [((mode, MODE_NOTES[mode], ""), row) for mode, row in found.by_mode.items()]
    return [
        _table("By prompt", "prompt", prompts),
        _table("By version", "version", versions),
        _table("By agent", "agent", agents),
        _table("By model", "model", models),
        _table("By mode", "mode", modes),
    ]


MODE_NOTES = {"full": "people own the text", "tracking": "git owns the text"}
Rows = list[tuple[tuple[str, str, str], Figures]]


def _page_of(one: Subject, label: str = "") -> str:
    if one.deleted:
        return ""
    if label:
        return reverse("versions:version_detail", args=[one.name, label])
    return reverse("versions:prompt_detail", args=[one.name])


def _table(title: str, by: str, rows: Rows) -> dict[str, Any]:
    most = max((figures.executions for _, figures in rows), default=0) or 1
    lines = []
    for (name, note, url), figures in rows[:SHOWN]:
        p50, p95 = percentiles(figures.blocks, 50, 95)
        cells = (f"{figures.executions:,}", words.percent(figures.error_rate), words.duration(p50),
                 words.duration(p95), words.short(_tokens(figures)), words.money(figures.cost_usd))  # fmt: skip
        bad = 100 * figures.failed / most
        lines.append(Line(name, note, url, round(100 * figures.executions / most - bad, 2), round(bad, 2), cells))
    return {"title": title, "by": by, "lines": lines, "more": len(rows) - len(lines)}
