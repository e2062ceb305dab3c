"""The same workers under Celery, on the real Redis and the real RabbitMQ: the rows are the truth, messages may be lost."""

import os
import random
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from kombu import Connection

from executions import queue, running
from executions.models import Execution, Status
from tests.executions.processes import (
    Workers,
    all_ended,
    counting,
    each_has_one_result,
    interrupted,
    jobs_done,
    jobs_to_do,
    queue_up,
    until,
)
from tests.factories import TESTER, make_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(900)]
PART = float(os.environ.get("PROMPTLEDGER_PROOFS", "0.25"))
BROKERS = {
    "redis": os.environ.get("TEST_REDIS", "redis://127.0.0.1:6379/9"),
    "rabbitmq": os.environ.get("TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
}


def answers(url: str) -> bool:
    """Whether somebody listens there."""
    found = Connection(url)
    try:
        socket.create_connection((found.hostname, found.port or found.transport.default_connection_params["port"]), 1)
    except OSError:
        return False
    return True


@pytest.fixture(params=BROKERS)
def broker(request: Any, settings: Any) -> Iterator[str]:
    """A broker with a queue of this test's own, which the tests' process announces in."""
    url = BROKERS[request.param]
    if connection.vendor == "sqlite" and request.param == "rabbitmq":
        pytest.skip("Workers over a broker share a PostgreSQL; on SQLite Redis stands for both")
    if not answers(url):
        pytest.skip(f"No {request.param} answers at {url}")
    settings.BROKER, settings.BROKER_QUEUE = url, f"test-{uuid.uuid4().hex}"
    settings.TASKS = {**settings.TASKS, "executions": {"BACKEND": "executions.messengers.CeleryMessenger"}}
    yield url
    with Connection(url) as link:
        link.SimpleQueue(settings.BROKER_QUEUE).queue.delete()


@pytest.fixture
def workers(tmp_path: Path, settings: Any, broker: str) -> Iterator[Workers]:
    """Workers under Celery."""
    more = {"PROMPTLEDGER_BROKER": broker, "PROMPTLEDGER_BROKER_QUEUE": settings.BROKER_QUEUE}
    with counting(tmp_path, settings, **more) as found:
        yield found


def test_two_workers_run_each_of_many_once(workers):
    number = int(500 * PART)
    queue_up(number)
    assert Execution.objects.filter(announced_at=None).count() == 0
    for _ in range(2):
        workers.never_late().start(LOGGED_SECONDS="0.5")  # so long that the second has begun before the first is done
    until(all_ended, 120, workers.said)
    each_has_one_result(number)
    assert set(workers.called().values()) == {1}
    assert len(set(Execution.objects.values_list("worker", flat=True))) == 2


def test_killed_workers_lose_nothing_and_double_nothing(workers):
    number, kills = int(200 * PART), int(20 * PART)
    queue_up(number)
    alive = [workers.start(LOGGED_SECONDS="0.3") for _ in range(2)]
    for _ in range(kills):
        made = sum(workers.called().values())
        until(lambda made=made: sum(workers.called().values()) > made, why=workers.said)
        time.sleep(random.uniform(0.02, 0.2))
        workers.kill(alive.pop(0))
        alive.append(workers.start(LOGGED_SECONDS="0.3"))
    until(all_ended, 200, workers.said)
    each_has_one_result(number)
    extra = sum(workers.called().values()) - number
    print(f"kills {kills}, interrupted {interrupted()}, extra calls {extra}")
    assert interrupted() > 0
    assert 0 <= extra <= interrupted()


def test_a_row_that_nobody_announced_is_found(workers, settings):
    version = make_version("PRD", template_source="Hello")
    settings.TASKS = {**settings.TASKS, "executions": {"BACKEND": "executions.messengers.NoMessenger"}}
    row = running.run(version, by=TESTER, provider="logged", mode="async")
    Execution.objects.filter(pk=row.pk).update(announced_at=None)
    workers.start()
    until(all_ended, why=workers.said)
    each_has_one_result(1)


def test_a_message_that_got_lost_is_sent_again_also_where_nothing_else_waits(workers, broker, settings):
    queue_up(2)
    with Connection(broker) as link:
        assert link.SimpleQueue(settings.BROKER_QUEUE).queue.purge() == 2
    assert Execution.objects.filter(announced_at=None).count() == 0
    workers.start()
    until(all_ended, why=workers.said)
    each_has_one_result(2)


def test_a_worker_that_is_told_to_end_finishes_what_it_runs(workers):
    queue_up(8)
    process = workers.start(LOGGED_SECONDS="1.5", EXECUTION_LEASE_SECONDS="60")
    until(lambda: len(workers.called()) >= 4, why=workers.said)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert Execution.objects.filter(status=Status.SUCCEEDED).count() == len(workers.called())
    assert interrupted() == 0
    workers.start()
    until(all_ended, why=workers.said)
    each_has_one_result(8)


def test_what_does_not_end_in_time_is_given_back(workers):
    queue_up(1)
    process = workers.start("--grace", "0.5", LOGGED_SECONDS="60")
    until(lambda: len(workers.called()) == 1, why=workers.said)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert Execution.objects.values_list("status", "attempts").get() == ("queued", 1)
    workers.start()
    until(all_ended, why=workers.said)
    each_has_one_result(1)


def test_jobs_are_done_beside_runs(workers, tmp_path):
    queue_up(2)
    process = workers.start(**jobs_to_do(tmp_path, 3))
    until(lambda: all_ended() and len(jobs_done(tmp_path)) == 3, why=workers.said)
    process.terminate()
    process.wait(30)
    each_has_one_result(2)


def test_a_worker_that_is_to_drain_looks_into_the_table(workers):
    queue_up(4)
    workers.drain(1)
    each_has_one_result(4)


def test_a_broker_that_is_away_takes_nothing_from_who_submits(settings, caplog):
    settings.BROKER, settings.BROKER_QUEUE = "redis://127.0.0.1:1/0", "nowhere"
    settings.TASKS = {**settings.TASKS, "executions": {"BACKEND": "executions.messengers.CeleryMessenger"}}
    row = running.run(make_version("PRD", template_source="Hello"), by=TESTER, mode="async")
    assert Execution.objects.get(pk=row.pk).status == Status.QUEUED
    assert "stored, but not announced" in caplog.text
    assert queue.send(row.pk) is False
