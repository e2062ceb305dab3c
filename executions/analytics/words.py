"""Numbers as people read them: short in a chart, whole in a table."""

from decimal import Decimal

STEPS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def short(number: float) -> str:
    """`950`, `1.2k`, `34k`, `1.5M`."""
    for size, letter in STEPS:
        if abs(number) >= size:
            return f"{_trimmed(number / size)}{letter}"
    return _trimmed(number)


def duration(milliseconds: float | None) -> str:
    """`350 ms`, `1.2 s`, `2.5 min`; a dash where it is not known."""
    if milliseconds is None:
        return "–"
    if milliseconds < 1_000:
        return f"{round(milliseconds)} ms"
    if milliseconds < 120_000:
        return f"{_trimmed(milliseconds / 1_000)} s"
    return f"{_trimmed(milliseconds / 60_000)} min"


def money(amount: Decimal | float) -> str:
    """`$12.40`, `$0.0031`: two figures that say something, or cents."""
    amount = Decimal(str(amount)) if isinstance(amount, float) else amount
    if amount >= 1_000:
        return f"${short(float(amount))}"
    if amount == 0 or amount >= Decimal("0.1"):
        return f"${amount:.2f}"
    places = -amount.adjusted() + 1
    return f"${amount:.{places}f}"


def percent(share: float) -> str:
    """`0 %`, `0.4 %`, `12 %`."""
    hundredths = share * 100
    return f"{hundredths:.1f} %" if 0 < hundredths < 10 else f"{hundredths:.0f} %"


def _trimmed(number: float) -> str:
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}".removesuffix(".0") if number >= 10 else f"{number:.2g}"
