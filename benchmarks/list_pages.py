"""How long do the lists take, and how many queries?    .venv/bin/python -m benchmarks.list_pages [PROMPTS]"""

import statistics
import sys
import time

from benchmarks import scratch

PAGES = (
    "/", "/prompts/", "/prompts/benchmark-0/", "/prompts/benchmark-0/history/", "/prompts/benchmark-0/versions/v1.3/",
    "/v1/prompts", "/v1/prompts/benchmark-0/versions", "/v1/events",
)  # fmt: skip


def main(prompts: int) -> None:
    """Fill a database, then ask for each list ten times as a signed-in user; print the median and the queries."""
    scratch.prepare()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    scratch.fill(prompts * scratch.ROUNDS * 3)
    client = Client()
    client.force_login(User.objects.create_superuser("benchmark"))
    print(f"{connection.vendor}: {prompts:,} prompts with {scratch.ROUNDS} versions each")
    for page in PAGES:
        took = []
        for _ in range(10):
            started = time.perf_counter()
            answer = client.get(page, secure=True, headers={"host": "localhost"})
            took.append((time.perf_counter() - started) * 1000)
        with CaptureQueriesContext(connection) as queries:
            client.get(page, secure=True, headers={"host": "localhost"})
        print(f"  {page:36} {answer.status_code} {statistics.median(took):7.1f} ms {len(queries):3} queries")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
