"""Charts as shapes in a plane of WIDTH by HEIGHT that is stretched to its place; words stand beside it, not in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

WIDTH, HEIGHT = 1_000, 240
GAP = 0.18  # of a bar's place stays free
Say = Callable[[float], str]
NICE = (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class Bar:
    """One part of a column."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Place:
    """Where the pointer asks for one moment: the words that it is told, and where its column lies."""

    x: float
    width: float
    said: str


@dataclass(frozen=True)
class Mark:
    """Something that happened: a line at a moment."""

    x: float
    said: str
    kind: str = ""


@dataclass
class Chart:
    """What a template draws."""

    title: str
    name: str
    ticks: list[str]
    legend: list[tuple[str, str]]
    columns: list[str]
    rows: Sequence[Sequence[str]]
    places: list[Place]
    labels: list[str]
    marks: list[Mark]
    bars: list[Bar] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    areas: list[tuple[str, str]] = field(default_factory=list)
    total: str = ""
    note: str = ""
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def grid(self) -> list[float]:
        """How high each tick lies."""
        return [round(HEIGHT * place / (len(self.ticks) - 1), 1) for place in range(len(self.ticks))]


def scale(highest: float, *, whole: bool = False) -> float:
    """Return a round number that is not below `highest`; halves of it are round, too. Whole ones are at least 2."""
    least = 2 if whole else 10**-8
    wanted = max(highest, least)
    power = 10.0 ** floor(log10(wanted))
    return next(step * power for step in NICE if step * power >= wanted * 0.999_999)


def decades(lowest: float, highest: float) -> tuple[float, float]:
    """Return the powers of ten around these values, at least one of ten apart."""
    low = 10.0 ** floor(log10(max(lowest, 1)))
    high = 10.0 ** ceil(log10(max(highest, 1)) - 1e-9)
    return low, max(high, low * 10)


def on_decades(value: float | None, low: float, high: float) -> float | None:
    """Return how high a value lies between two powers of ten, 0 to 1; what is below the lower one lies on it."""
    return None if value is None else log10(max(value, low) / low) / log10(high / low)


def stacks(values: Sequence[Sequence[float]], kinds: Sequence[str], top: float) -> list[Bar]:
    """Return columns, one for each place, made up of parts from the ground up."""
    found = []
    step = WIDTH / max(len(values), 1)
    for place, parts in enumerate(values):
        ground = float(HEIGHT)
        for amount, kind in zip(parts, kinds, strict=True):
            if not amount:
                continue
            # What is there is seen, however little.
            tall = max(amount / top * HEIGHT, 1.5)
            ground -= tall
            x = place * step + step * GAP / 2
            found.append(Bar(round(x, 2), round(max(ground, 0), 2), round(step * (1 - GAP), 2), round(tall, 2), kind))
    return found


def line(values: Sequence[float | None], top: float, *, ground: bool = False) -> str:
    """Return the path through these values; a place without one is a gap. With `ground` it encloses an area."""
    step = WIDTH / max(len(values), 1)
    found: list[str] = []
    run: list[tuple[float, float]] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            run.append((round((place + 0.5) * step, 2), round(HEIGHT - value / top * HEIGHT, 2)))
            continue
        if run:
            found.append(_path(run, ground))
        run = []
    return " ".join(found)


def _path(run: list[tuple[float, float]], ground: bool) -> str:
    points = " L".join(f"{x} {y}" for x, y in run)
    if ground:
        return f"M{run[0][0]} {HEIGHT} L{points} L{run[-1][0]} {HEIGHT} Z"
    # A single point is a line of no length: its round ends make it a dot.
    return f"M{points}" if len(run) > 1 else f"M{points} h0.01"


def tick_of_each_decade(low: float, high: float, say: Say) -> list[str]:
    """The words at the left of a scale of powers of ten, from the top down."""
    return [say(low * 10.0**power) for power in range(round(log10(high / low)), -1, -1)]


def ticks(top: float, say: Say) -> list[str]:
    """The words at the left, from the top down."""
    return [say(top), say(top / 2), say(0)]
