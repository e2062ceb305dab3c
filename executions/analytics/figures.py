"""Sums over executions: made from rows, added up, and said as the API says them."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from executions.analytics.latencies import Block, percentiles

# What is summed, in the order in which rows of sums are kept. `timed` have a latency, `priced` a known cost.
SUMS = (
    "executions", "succeeded", "failed", "canceled", "timed", "latency_ms", "prompt_tokens", "response_tokens",
    "priced", "cost_e8",
)  # fmt: skip
NOTHING = (0,) * len(SUMS)
COST_PLACES = 8  # those of Execution.cost_usd: sums are whole numbers of its last place


class Figures:
    """The sums of some executions, and the blocks that their latencies stand in."""

    __slots__ = ("blocks", "sums")

    def __init__(self) -> None:
        self.sums: list[int] = list(NOTHING)
        self.blocks: list[Block] = []

    def add(self, sums: Sequence[int], blocks: Sequence[Block] = ()) -> None:
        """Add what others sum up to."""
        self.sums = [mine + more for mine, more in zip(self.sums, sums, strict=True)]
        self.blocks.extend(blocks)

    def __getattr__(self, name: str) -> int:
        if name in SUMS:
            return self.sums[SUMS.index(name)]
        raise AttributeError(name)

    @property
    def cost_usd(self) -> Decimal:
        """The known costs together."""
        return Decimal(self.cost_e8).scaleb(-COST_PLACES)

    @property
    def error_rate(self) -> float:
        """Failed ones as a share of all, 0 to 1, to four places."""
        return round(self.failed / self.executions, 4) if self.executions else 0.0

    @property
    def average_latency(self) -> int:
        """The mean over those that have a latency, in whole milliseconds; 0 where there is none (S1-49)."""
        return (2 * self.latency_ms + self.timed) // (2 * self.timed) if self.timed else 0

    def as_json(self) -> dict[str, Any]:
        """The keys of S1-49 and more. Percentiles are null without latencies; a cost that is not known is counted."""
        p50, p95 = percentiles(self.blocks, 50, 95)
        return {
            "execution_count": self.executions,
            "succeeded": self.succeeded,
            "errors": self.failed,
            "canceled": self.canceled,
            "error_rate": self.error_rate,
            "avg_latency_ms": self.average_latency,
            "p50_latency_ms": p50,
            "p95_latency_ms": p95,
            "prompt_tokens": self.prompt_tokens,
            "response_tokens": self.response_tokens,
            "cost_usd": dollars(self.cost_usd),
            "cost_unknown": self.executions - self.priced,
        }


def dollars(amount: Decimal) -> str:
    """An amount as plain digits, without zeros at its end."""
    return f"{amount.normalize() + 0:f}"


def sums_of(
    status: str, latency: int | None, prompt_tokens: int | None, response_tokens: int | None, cost: Decimal | None
) -> tuple[int, ...]:
    """The sums of one execution, in the order of SUMS."""
    return (
        1,
        status == "succeeded",
        status == "failed",
        status == "canceled",
        latency is not None,
        latency or 0,
        prompt_tokens or 0,
        response_tokens or 0,
        cost is not None,
        0 if cost is None else int(cost.scaleb(COST_PLACES)),
    )
