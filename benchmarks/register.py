"""How long does a registration take?    .venv/bin/python -m benchmarks.register [ITEMS] [ROUNDS]

New prompts, the same again (unchanged), all of them changed; beside each other in every round, and the bare bulk
insert of as many rows in one transaction, which is what the database alone would take.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import scratch

WORDS = "You answer customers of a shop for spare parts, kindly and in short sentences. "


def seconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def items(count: int, round_: int, text: str) -> list[dict[str, Any]]:
    """As many prompts of 2 KB."""
    return [
        {"name": f"round {round_} prompt {n}", "template_source": f"{text} {n} {{{{ name }}}} {WORDS * 25}"}
        for n in range(count)
    ]


def main(count: int, rounds: int) -> None:
    """Measure and print medians."""
    scratch.prepare()
    from django.db import connection, transaction

    from ledger.actors import system
    from repository.items import read_items
    from repository.registration import register
    from versions.models import Prompt, PromptVersion

    by = system("benchmark")

    def send(sent: list[dict[str, Any]]) -> None:
        register(read_items(sent), by=by)

    def bare(round_: int) -> None:
        with transaction.atomic():
            prompts = Prompt.objects.bulk_create(Prompt(name=f"bare {round_} {n}") for n in range(count))
            PromptVersion.objects.bulk_create(
                PromptVersion(prompt=prompt, version=1, major=1, minor=0, template_source=f"{n} {WORDS * 25}",
                              checksum_hash="0" * 64, content_hash="0" * 64, created_by="benchmark")
                for n, prompt in enumerate(prompts)
            )  # fmt: skip

    took: dict[str, list[float]] = {"bare insert": [], "new": [], "unchanged": [], "changed": []}
    for round_ in range(rounds):
        first, second = items(count, round_, "first"), items(count, round_, "second")
        took["bare insert"].append(seconds(lambda round_=round_: bare(round_)))
        took["new"].append(seconds(lambda sent=first: send(sent)))
        took["unchanged"].append(seconds(lambda sent=first: send(sent)))
        took["changed"].append(seconds(lambda sent=second: send(sent)))
    said = {name: statistics.median(times) for name, times in took.items()}
    print(f"{connection.vendor}, {count:,} items, median of {rounds}:")
    for name, value in said.items():
        print(f"  {name:12} {value * 1000:8,.1f} ms   {value / said['bare insert']:5.2f} × the bare insert")
    print(f"  unchanged is {said['new'] / said['unchanged']:.1f} × faster than new")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:] or ("1000", "5")))
