"""At every instant a prompt has at most one version in production, and once it has one it never has none.

Real processes; a quarter of the rounds of RELIABILITY 1.3 unless PROMPTLEDGER_PROOFS=1 asks for all of them (minutes).
The naive variant shows that the test can fail.
"""

import os
import signal
import time
from collections import Counter
from itertools import pairwise

import pytest
from django.db import connection

from tests.factories import TESTER, make_version
from tests.proofs.processes import result, start, until_there
from versions.models import PromptVersion
from versions.seen import ANYTHING
from versions.verifying import problems

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(900)]
SQLITE = connection.vendor == "sqlite"
PART = float(os.environ.get("PROMPTLEDGER_PROOFS", "0.25"))
PROCESSES, ROUNDS = (8, int(500 * PART)) if SQLITE else (16, int(250 * PART))
RACES = int(400 * PART)


def observe(tmp_path, sql, *workers):
    """Run the workers under a continuous reader; return (their results, what the reader saw)."""
    stop = tmp_path / "stop"
    watching = start("reader", sql, str(stop))
    until_there(tmp_path / "stop.begun", watching)
    results = [result(worker) for worker in [make() for make in workers]]
    stop.touch()
    return results, Counter(result(watching))


def history_is_seamless(prompt) -> bool:
    """Each retired_at is the successor's deployed_at: no gap, no overlap."""
    rows = list(prompt.versions.exclude(deployed_at=None).order_by("deployed_at"))
    return all(old.retired_at == new.deployed_at for old, new in pairwise(rows))


def test_many_promoters_under_a_continuous_reader(tmp_path):
    prompt = make_version("PRD", name="busy").prompt
    count = f"SELECT count(*) FROM prompt_versions WHERE prompt_id = {prompt.pk} AND stage = 'PRD'"
    workers = [lambda n=n: start("promoter", str(prompt.pk), str(ROUNDS), f"p{n}") for n in range(PROCESSES)]
    results, seen = observe(tmp_path, count, *workers)
    assert [one["done"] for one in results] == [ROUNDS] * PROCESSES
    assert set(seen) == {"1"}
    assert seen["1"] > 5_000 * PART
    assert prompt.versions.count() == PROCESSES * ROUNDS + 1
    assert sorted(prompt.versions.values_list("version", flat=True)) == list(range(1, PROCESSES * ROUNDS + 2))
    assert history_is_seamless(prompt)
    assert list(problems()) == []


def test_the_naive_way_is_caught(tmp_path):
    """The negative control: without lock and guard the same reader sees several at once."""
    serial = "INTEGER PRIMARY KEY AUTOINCREMENT" if SQLITE else "BIGSERIAL PRIMARY KEY"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS naive_versions")
        cursor.execute(f"CREATE TABLE naive_versions (id {serial}, said TEXT, stage TEXT)")
        cursor.execute("INSERT INTO naive_versions (said, stage) VALUES ('first', 'PRD')")
    try:
        workers = [lambda n=n: start("naive_promoter", "naive_versions", "40", f"n{n}") for n in range(4)]
        _, seen = observe(tmp_path, "SELECT count(*) FROM naive_versions WHERE stage = 'PRD'", *workers)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE naive_versions")
    assert sum(times for count, times in seen.items() if count != "1") > 0


def test_edit_racing_promote():
    """No production text changes, no promotion is undone (finding 1: a plain save lost 138 of 400)."""
    prompt = make_version("DEV", name="raced").prompt
    first = prompt.versions.select_related("prompt").get()
    first.create_new(by=TESTER, seen=ANYTHING, template_source="text 2")
    sides = [start("racer", str(prompt.pk), str(RACES), role) for role in ("editor", "promoter")]
    edited, promoted = (result(side) for side in sides)
    assert promoted == {"done": RACES}
    assert set(edited) <= {"done", "stale", "immutable"}
    assert sum(edited.values()) == RACES
    rows = list(prompt.versions.filter(version__gt=1, version__lt=RACES + 2))
    assert {row.stage for row in rows} == {"PRD", "RET"}
    for row in rows:
        assert row.template_source in (f"text {row.version}", f"edited {row.version}")
    assert sum(row.template_source.startswith("edited") for row in rows) == edited.get("done", 0)
    assert list(problems()) == []


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    prompt = make_version("PRD", name="killed").prompt
    acknowledged = tmp_path / "acks"
    for turn in range(12):
        process = start("promoter", str(prompt.pk), "10000", f"k{turn}", ACK=str(acknowledged))
        before = acknowledged.stat().st_size if acknowledged.exists() else 0
        until = time.monotonic() + 20
        while time.monotonic() < until and (not acknowledged.exists() or acknowledged.stat().st_size <= before + 20):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    numbers = {int(line) for line in acknowledged.read_text().split()}
    assert len(numbers) > 50
    there = dict(prompt.versions.values_list("version", "stage"))
    assert {there.get(number) for number in numbers} <= {"PRD", "RET"}
    assert PromptVersion.objects.filter(prompt=prompt, stage="PRD").count() == 1
    assert history_is_seamless(prompt)
    assert list(problems()) == []
