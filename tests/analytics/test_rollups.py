"""Rollups: the same answers as a naive recount, at every moment and whatever happens in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from hypothesis import given
from hypothesis import strategies as st

from executions.analytics import collecting, folding, latencies, spans
from executions.analytics.question import Question, read
from executions.analytics.reading import report
from executions.models import Execution, Rollup, RollupState
from tests.analytics.rows import START, make_execution, of_answer, recount, scatter
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions.seen import ANYTHING

EVERYTHING = {"include_tests": "1"}


def answer(**query):
    return of_answer(report(read(query)).as_json())


def versions():
    ada = make_agent(name="Ada")
    first = make_version("PRD", name="greet", agent=ada)
    second = make_version("DEV", prompt=first.prompt)
    return [
        first,
        second,
        make_version("DEV", name="loose"),
        make_tracking_prompt(name="git", agent=ada, status_key="G").versions.get(),
    ]


@given(st.lists(st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 20), max_size=30), max_size=6), st.integers(1, 100))
def test_percentiles_of_many_blocks_are_those_of_all_values(parts, percent):
    everything = sorted(value for part in parts for value in part)
    wanted = everything[-(-len(everything) * percent // 100) - 1] if everything else None
    blocks = [latencies.block(part) for part in parts]
    assert latencies.percentiles(blocks, percent) == [wanted]
    assert latencies.percentiles([latencies.merged(blocks)], percent) == [wanted]


@given(st.lists(st.integers(0, 2**31 - 1)))
def test_a_block_comes_back_from_its_bytes(values):
    one = latencies.block(values)
    assert latencies.unpacked(latencies.packed(one)) == one


@given(st.integers(1, 800_000), st.integers(0, 3_000))
def test_spans_cover_each_day_once(first, length):
    covered = [day for span, start in spans.cover(first, first + length) for day in range(start, start + span)]
    assert covered == list(range(first, first + length + 1))
    assert len(spans.cover(first, first + length)) <= 18 + length // 64
    assert all((span, start) in spans.spans_of(start) for span, start in spans.cover(first, first + length))


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_folded_a_little_at_a_time_it_stays_the_naive_recount(seed):
    rows = scatter(versions(), 200, seed=seed, days=100)
    folded = 0
    while part := folding.fold(least=1, batch=37):
        folded += part
        assert answer(**EVERYTHING) == recount(rows)
    finished = [row for row in rows if row.status not in ("queued", "running")]
    assert folded == len(finished) == Execution.objects.filter(in_rollup=True).count()
    assert answer() == recount(row for row in rows if not row.is_test)
    assert folding.differences() == []
    days = {"from": "2026-03-20", "to": "2026-05-10"}
    some = [
        row for row in rows if datetime(2026, 3, 20, tzinfo=UTC) <= row.created_at < datetime(2026, 5, 11, tzinfo=UTC)
    ]
    assert answer(**EVERYTHING, **days) == recount(some)
    for query, chosen in (
        ({"mode": "tracking"}, lambda row: row.prompt.mode == "tracking"),
        ({"mode": "full"}, lambda row: row.prompt.mode == "full"),
        ({"prompt": "greet"}, lambda row: row.prompt.name == "greet"),
        ({"agent": "Ada", "mode": "full"}, lambda row: row.prompt.name == "greet"),
    ):
        assert answer(**EVERYTHING, **days, **query) == recount(filter(chosen, some)), query


@pytest.mark.django_db
def test_what_ends_late_is_counted_on_its_day():
    version = make_version("DEV")
    late = make_execution(version, status="running", created_at=START)
    make_execution(version, created_at=START + timedelta(days=3))
    assert folding.fold_all() == 1
    Execution.objects.filter(pk=late.pk).update(status="succeeded", response_text="x", latency_ms=900_000)
    assert answer() == recount(Execution.objects.all())
    assert folding.fold_all() == 1
    assert answer() == recount(Execution.objects.all())
    assert folding.differences() == []


@pytest.mark.django_db
def test_a_rebuild_makes_the_same_and_counts_what_waits():
    rows = scatter(versions(), 120, seed=9, days=150)
    folding.fold(least=1, batch=50)
    before = answer(**EVERYTHING)
    assert folding.rebuild() == len([row for row in rows if row.status not in ("queued", "running")])
    assert answer(**EVERYTHING) == before == recount(rows)
    assert folding.differences() == []


@pytest.mark.django_db
def test_deleted_drafts_deleted_and_renamed_prompts_stay_equal():
    draft = make_version("DEV", name="short-lived")
    renamed = make_prompt(name="before")
    for version in (draft, renamed.versions.get()):
        make_execution(version, is_test=True)
    folding.fold_all()
    draft.delete_draft(by=TESTER, seen=ANYTHING)
    renamed.change(by=TESTER, name="after")
    make_execution(renamed.versions.get(), is_test=True)
    assert answer(**EVERYTHING) == recount(Execution.objects.all())
    draft.prompt.remove(by=TESTER)
    assert answer(**EVERYTHING) == recount(Execution.objects.all())
    assert [str(name) for name in answer(**EVERYTHING)["by_prompt"]] == ["after", "short-lived (deleted)"]
    assert folding.differences() == []
    assert folding.rebuild() == 3
    assert answer(**EVERYTHING) == recount(Execution.objects.all())


@pytest.mark.django_db
def test_another_time_zone_counts_rows_until_the_days_are_made_anew(settings):
    rows = scatter(versions(), 60, seed=4, days=9)
    folding.fold_all()
    settings.TIME_ZONE = "Pacific/Auckland"
    assert answer(**EVERYTHING) == recount(rows)
    assert folding.differences() != []
    make_execution(rows[0].version, created_at=START)
    folding.fold(least=1)
    assert RollupState.objects.get().time_zone == "Pacific/Auckland"
    assert answer(**EVERYTHING) == recount(Execution.objects.all())
    assert folding.differences() == []


@pytest.mark.django_db
def test_few_are_not_worth_folding():
    make_execution(make_version("DEV"))
    assert folding.fold() == 0
    assert Rollup.objects.count() == 0


@pytest.mark.django_db
def test_a_fold_between_the_two_readings_is_noticed(monkeypatch):
    rows = scatter(versions(), 50, seed=5)
    folding.fold(least=1, batch=10)
    original, calls = collecting._add_rollups, []

    def fold_in_between(question, found):
        original(question, found)
        calls.append(1)
        if len(calls) < 3:
            folding.fold(least=1, batch=10)

    monkeypatch.setattr(collecting, "_add_rollups", fold_in_between)
    assert answer(**EVERYTHING) == recount(rows)
    assert len(calls) == 3


@pytest.mark.django_db
def test_the_rows_that_wait_are_found_by_their_index():
    with connection.cursor() as cursor:
        sql, params = (
            Execution.objects.filter(in_rollup=False, created_at__gte=START)
            .order_by()
            .values_list("pk")
            .query.sql_with_params()
        )
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(("EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN ") + sql, params)
        assert "executions_not_folded" in str(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_folding_writing_and_reading_at_once_lose_and_double_nothing():
    version = make_version("DEV")
    stop, seen = threading.Event(), []

    def write():
        for _ in range(60):
            make_execution(version)
        connections.close_all()

    def fold():
        while not stop.is_set():
            folding.fold(least=1, batch=7)
        connections.close_all()

    def look():
        while not stop.is_set():
            seen.append(report(Question()).total.executions)
        connections.close_all()

    with ThreadPoolExecutor(7) as pool:
        others = [pool.submit(work) for work in (fold, fold, look, look)]
        writers = [pool.submit(write) for _ in range(3)]
        for writer in writers:
            writer.result()
        stop.set()
        for other in others:
            other.result()
    assert max(seen) <= 180
    assert report(Question()).total.executions == 180
    folding.fold_all()
    assert report(Question()).total.executions == 180
    assert folding.differences() == []


@pytest.mark.django_db
class TestCommand:
    def test_rebuilds_and_says_what_was_wrong(self):
        scatter(versions(), 30, seed=6)
        folding.fold_all()
        wrong = Rollup.objects.filter(series__isnull=False, span=4).first()
        Rollup.objects.filter(pk=wrong.pk).update(executions=wrong.executions + 1)
        said = StringIO()
        with pytest.raises(CommandError, match="1 rollup is not"):
            call_command("rebuild_analytics", "--check", stdout=said)
        assert f"executions {wrong.executions + 1}, counted {wrong.executions}" in said.getvalue()
        assert Rollup.objects.get(pk=wrong.pk).executions == wrong.executions + 1
        call_command("rebuild_analytics", stdout=said)
        assert "1 was wrong" in said.getvalue()
        call_command("rebuild_analytics", "--check", stdout=said)
        assert answer(**EVERYTHING) == recount(Execution.objects.all())

    def test_folds_only(self):
        make_execution(make_version("DEV"))
        said = StringIO()
        call_command("rebuild_analytics", "--fold", stdout=said)
        assert "1 execution " in said.getvalue()
        assert Execution.objects.get().in_rollup


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="on SQLite a reader would have to wait for the lock")
def test_a_reader_folds_when_nobody_else_does(monkeypatch):
    monkeypatch.setattr("executions.analytics.reading.MANY", 3)
    version = make_version("DEV")
    for _ in range(4):
        make_execution(version)
    monkeypatch.setattr("executions.analytics.reading.fold", lambda: folding.fold(least=1))
    assert answer() == recount(Execution.objects.all())
    assert Execution.objects.filter(in_rollup=True).count() == 4
    assert answer() == recount(Execution.objects.all())


@pytest.mark.django_db
def test_a_worker_folds_when_it_is_worth_it_and_looks_seldom(monkeypatch, settings):
    assert "executions.analytics.folding.work" in settings.WORKER_JOBS
    monkeypatch.setattr(folding, "_found_nothing_at", float("-inf"))
    version = make_version("DEV")
    make_execution(version)
    assert folding.work() == 0
    for _ in range(3):
        make_execution(version)
    monkeypatch.setattr(folding.fold, "__kwdefaults__", {"least": 3, "batch": 2})
    assert folding.work() == 0  # it looked a moment ago
    monkeypatch.setattr(folding, "_found_nothing_at", float("-inf"))
    assert [folding.work(), folding.work(), folding.work()] == [2, 0, 0]
    assert Execution.objects.filter(in_rollup=True).count() == 2
    assert answer() == recount(Execution.objects.all())


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_drains_the_queue_folds(tmp_path):
    from tests.executions.processes import Workers

    version = make_version("DEV")
    one = make_execution(version)
    same = {field.attname: getattr(one, field.attname) for field in Execution._meta.fields if not field.primary_key}
    Execution.objects.bulk_create([Execution(**same) for _ in range(folding.ENOUGH)])
    workers = Workers(tmp_path, PROOF_JOBS="executions.analytics.folding.work")
    try:
        workers.drain(2)
    finally:
        workers.stop()
    assert Execution.objects.filter(in_rollup=True).count() == folding.ENOUGH + 1
    assert folding.differences() == []
