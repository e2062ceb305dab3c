"""How many events a second does verify_ledger check?    .venv/bin/python -m benchmarks.verify_ledger [EVENTS]"""

import sys
import time

from benchmarks import scratch


def main(wanted: int) -> None:
    """Fill an empty database, verify it three times, print the best."""
    scratch.prepare()
    from django.db import connection

    from versions.verifying import problems

    events = scratch.fill(wanted)
    took = []
    for _ in range(3):
        started = time.perf_counter()
        found = list(problems())
        took.append(time.perf_counter() - started)
        if found:
            sys.exit(f"{len(found)} problems, the first: {found[0]}")
    print(f"{connection.vendor}: {events:,} events in {min(took):.2f} s: {events / min(took):,.0f} events/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
