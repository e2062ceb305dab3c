"""Keeping the rollups: an execution that has its end is added to them once, and marked in the same transaction.

What is marked is in the rollups, what is not marked is counted row by row: an execution is in one of both at any
moment, however many write at once, however late it ends, and whatever way it came into the table.
"""

import time
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import add
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from executions.analytics import latencies, spans
from executions.analytics.figures import NOTHING, SUMS
from executions.analytics.live import COLUMNS, Key, Row, as_rows, rows
from executions.models import UNFINISHED, Execution, Rollup, RollupState, Series
from versions.models import Prompt

ENOUGH = 1_000  # so many are worth folding: a rollup is written once for all of them
BATCH = 5_000
SECONDS_BETWEEN_LOOKS = 5.0
AT_ONCE = 500  # values in one statement
Place = tuple[Key | None, bool, int, int]  # series (None: of all), is it TEST runs, span, first day


@dataclass
class Heap:
    """Executions of one place, added up."""

    sums: tuple[int, ...] = NOTHING
    latencies: array[int] = field(default_factory=lambda: array(latencies.FOUR_BYTES))

    def add(self, row: Row) -> None:
        self.sums = tuple(map(add, self.sums, row.sums))
        if row.latency is not None:
            self.latencies.append(row.latency)

    def merge(self, other: "Heap") -> None:
        self.sums = tuple(map(add, self.sums, other.sums))
        self.latencies.extend(other.latencies)


def unfolded() -> QuerySet[Execution]:
    """Executions that have their end and are in no rollup."""
    return Execution.objects.filter(in_rollup=False).exclude(status__in=UNFINISHED)


def fold(*, least: int = ENOUGH, batch: int = BATCH) -> int:
    """Add up to `batch` finished executions to the rollups, unless fewer than `least` wait. Returns how many.

    While somebody else folds it returns 0 at once.
    """
    if unfolded()[:least].count() < max(least, 1):
        return 0
    with transaction.atomic():
        state = _lock(skip=True)
        if state is None:
            return 0
        if state.time_zone != settings.TIME_ZONE:
            return _rebuild(state)
        found = list(unfolded().order_by("created_at").values_list("pk", *COLUMNS)[:batch])
        _mark([row[0] for row in found])
        _store(_heaps(as_rows(row[1:] for row in found)))
        _changed(state)
    return len(found)


_found_nothing_at = float("-inf")


def work() -> int:
    """Fold what waits, where it is worth it: what workers do besides executions (settings.WORKER_JOBS).

    Returns how many were folded. Workers look for work all the time; this looks every few seconds only.
    """
    global _found_nothing_at
    if time.monotonic() - _found_nothing_at < SECONDS_BETWEEN_LOOKS:
        return 0
    folded = fold()
    if not folded:
        _found_nothing_at = time.monotonic()
    return folded


def fold_all() -> int:
    """Fold until nothing waits. Returns how many were folded."""
    done = 0
    while folded := fold(least=1):
        done += folded
    return done


def rebuild() -> int:
    """Make the rollups anew from the executions. Returns how many are in them."""
    with transaction.atomic():
        state = _lock()
        assert state is not None  # noqa: S101  (only skipping may come back without it)
        return _rebuild(state)


def differences() -> list[str]:
    """Return a line for each rollup that is not what the executions marked as folded add up to."""
    with transaction.atomic():
        _lock()
        stored = _stored()
        counted = {
            place: (heap.sums, latencies.block(heap.latencies))
            for heaps in _recounted()
            for place, heap in heaps.items()
        }
    places = sorted(stored.keys() | counted.keys(), key=str)
    wrong = (place for place in places if stored.get(place) != counted.get(place))
    return [_difference(place, stored.get(place), counted.get(place)) for place in wrong]


def _stored() -> dict[Place, tuple[tuple[int, ...], latencies.Block]]:
    """The rollups as they are. What ran under a prompt that was deleted since is known by its name only."""
    names = [f"series__{name}" for name in KEY_OF_SERIES]
    there = set(Prompt.objects.values_list("pk", flat=True))
    found: dict[Place, tuple[tuple[int, ...], latencies.Block]] = {}
    for row in Rollup.objects.values_list(*names, "is_test", "span", "first", *SUMS, "latencies").iterator():
        prompt, key = row[0], Key(*row[:7]) if row[1] is not None else None
        if key and prompt not in there:
            key = key._replace(prompt=None)
        place: Place = (key, row[7], row[8], row[9])
        sums, block = row[10:-1], latencies.unpacked(row[-1])
        if same := found.get(place):
            sums, block = tuple(map(add, same[0], sums)), latencies.merged([same[1], block])
        found[place] = (sums, block)
    return found


KEY_OF_SERIES = ("prompt_id", "prompt_name", "label", "provider", "model_name", "environment", "is_test")


def _difference(place: Place, stored: Any, counted: Any) -> str:
    series, is_test, span, first = place
    of = f"{series.prompt_name} {series.label}" if series else "TEST runs" if is_test else "all"
    said = f"{of}, {spans.as_date(first)} + {span}"
    if not stored or not counted:
        return f"{said}: {'not in the rollups' if counted else 'in no execution'}"
    if stored[0] == counted[0]:
        return f"{said}: the latencies differ"
    wrong = [f"{name} {mine}, counted {theirs}"
             for name, mine, theirs in zip(SUMS, stored[0], counted[0], strict=True) if mine != theirs]  # fmt: skip
    return f"{said}: {'; '.join(wrong)}"


def _lock(*, skip: bool = False) -> RollupState | None:
    """Take the lock that who changes rollups holds; None where `skip` and somebody else has it."""
    RollupState.objects.get_or_create(pk=1, defaults={"time_zone": settings.TIME_ZONE})
    return RollupState.objects.select_for_update(skip_locked=skip).filter(pk=1).first()


def _changed(state: RollupState) -> None:
    state.generation += 1
    state.time_zone = settings.TIME_ZONE
    state.save(update_fields=("generation", "time_zone"))


def _mark(pks: list[Any]) -> None:
    """Mark executions as folded. Raises RuntimeError when one was already: then nothing is folded."""
    marked = sum(
        Execution.objects.filter(pk__in=pks[start : start + AT_ONCE], in_rollup=False).update(in_rollup=True)
        for start in range(0, len(pks), AT_ONCE)
    )
    if marked != len(pks):
        raise RuntimeError(f"{len(pks) - marked} executions were folded by somebody else.")


def _rebuild(state: RollupState) -> int:
    """Marked first, read afterwards: nobody else marks while we hold the lock, so what is read is what is marked."""
    Rollup.objects.all().delete()
    Series.objects.all().delete()
    unfolded().update(in_rollup=True)
    for heaps in _recounted():
        _store(heaps)
    _changed(state)
    return Execution.objects.filter(in_rollup=True).count()


def _recounted() -> Iterator[dict[Place, Heap]]:
    """Yield what the executions marked as folded add up to, one of the longest spans after the other."""
    folded = Execution.objects.filter(in_rollup=True)
    ends = [
        folded.order_by(order).values_list("created_at", flat=True).first() for order in ("created_at", "-created_at")
    ]
    if ends[0] is None or ends[1] is None:
        return
    longest = spans.SPANS[-1]
    first = spans.day_of(ends[0])
    for start in range(first - first % longest, spans.day_of(ends[1]) + 1, longest):
        of_span = folded.filter(created_at__gte=spans.beginning(start), created_at__lt=spans.beginning(start + longest))
        yield _heaps(rows(of_span))


def _heaps(found: Iterable[Row]) -> dict[Place, Heap]:
    days: dict[tuple[Key, int], Heap] = defaultdict(Heap)
    for row in found:
        days[row.key, row.day].add(row)
    heaps: dict[Place, Heap] = defaultdict(Heap)
    for (key, day), heap in days.items():
        heaps[None, key.is_test, 1, day].merge(heap)
        for span, first in spans.spans_of(day):
            heaps[key, key.is_test, span, first].merge(heap)
    return heaps


def _store(heaps: dict[Place, Heap]) -> None:
    """Add heaps to the rollups that are there, and make those that are not."""
    numbers = _series({place[0] for place in heaps if place[0]})
    present = _present(heaps, numbers)
    made, changed = [], []
    for (key, is_test, span, first), heap in heaps.items():
        number = numbers[key] if key else None
        more = latencies.block(heap.latencies)
        there = present.get((number, is_test, span, first))
        if there is None:
            sums = dict(zip(SUMS, heap.sums, strict=True))
            made.append(Rollup(series_id=number, is_test=is_test, span=span, first=first,
                               latencies=latencies.packed(more), **sums))  # fmt: skip
            continue
        for name, amount in zip(SUMS, heap.sums, strict=True):
            setattr(there, name, getattr(there, name) + amount)
        there.latencies = latencies.packed(latencies.merged([latencies.unpacked(there.latencies), more]))
        changed.append(there)
    Rollup.objects.bulk_create(made, batch_size=AT_ONCE)
    Rollup.objects.bulk_update(changed, [*SUMS, "latencies"], batch_size=50)


def _series(keys: set[Key]) -> dict[Key, int]:
    """Return the number of each series; new ones are stored."""
    numbers: dict[Key, int] = {}
    names = sorted({key.prompt_name for key in keys})
    for start in range(0, len(names), AT_ONCE):
        here = Series.objects.filter(prompt_name__in=names[start : start + AT_ONCE])
        numbers |= {Key(*row): number for number, *row in here.values_list("pk", *KEY_OF_SERIES)}
    new = [Series(**dict(zip(KEY_OF_SERIES, key, strict=True))) for key in keys - numbers.keys()]
    for one in Series.objects.bulk_create(new, batch_size=AT_ONCE):
        numbers[Key(*(getattr(one, name) for name in KEY_OF_SERIES))] = one.pk
    return numbers


def _present(heaps: Iterable[Place], numbers: dict[Key, int]) -> dict[tuple[int | None, bool, int, int], Rollup]:
    """Return the rollups that these heaps go into, as far as there are any."""
    by_span: dict[tuple[int, int], set[int]] = defaultdict(set)
    for key, _, span, first in heaps:
        if key:
            by_span[span, first].add(numbers[key])
    found = [
        one
        for (span, first), series in by_span.items()
        for start in range(0, len(series), AT_ONCE)
        for one in Rollup.objects.filter(span=span, first=first, series__in=sorted(series)[start : start + AT_ONCE])
    ]
    days = sorted({first for key, _, _, first in heaps if not key})
    for start in range(0, len(days), AT_ONCE):
        found += Rollup.objects.filter(series=None, first__in=days[start : start + AT_ONCE])
    return {(one.series_id, one.is_test, one.span, one.first): one for one in found}
