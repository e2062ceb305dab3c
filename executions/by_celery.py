"""The worker for those who run Celery (docs/executions.md): Redis or RabbitMQ carries ids, the rows stay the truth.

`manage.py worker` starts it where PROMPTLEDGER_BROKER is set; `celery -A executions.by_celery worker` does, too.
Messages are acknowledged as they arrive: one that dies with its worker is sent again when the row's lease has run out.
"""

import logging
import os
import signal
import sys
import threading
import time
from functools import lru_cache
from typing import Any
from uuid import UUID

import django
from celery import Celery, signals
from django.apps import apps
from django.conf import settings

if not apps.ready:  # started as `celery -A executions.by_celery worker`
    django.setup()

from amqp.exceptions import ChannelError
from django.db import InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as KombuError

from common import telemetry
from executions import leases, queue, running
from executions.jobs import Jobs
from executions.worker import Worker, end_now, give_back

logger = logging.getLogger("promptledger.worker")
SECONDS_FOR_BROKER = 5

TASK = "executions.carry_out"


@lru_cache
def make_app(broker: str, name_of_queue: str) -> Celery:
    """Celery over this broker."""
    found = Celery("promptledger", broker=broker, set_as_current=False)
    found.conf.update(
        task_default_queue=name_of_queue,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "socket_timeout": SECONDS_FOR_BROKER,
            "socket_connect_timeout": SECONDS_FOR_BROKER,
            # Who submits does not wait for a broker that is away: workers find the row.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
        broker_connection_timeout=SECONDS_FOR_BROKER,
    )
    return found


def send(execution_id: str) -> None:
    """Publish the id. Raises kombu's OperationalError where the broker does not answer."""
    make_app(settings.BROKER, settings.BROKER_QUEUE).send_task(TASK, (execution_id,), retry=False)


def messages_waiting() -> int:
    """How many messages wait for a worker; where the broker does not answer, more than any number."""
    try:
        with make_app(settings.BROKER, settings.BROKER_QUEUE).connection_for_read() as link:
            return link.default_channel.queue_declare(settings.BROKER_QUEUE, passive=True).message_count
    except ChannelError:  # no such queue: on Redis that is what an empty one is
        return 0
    except KombuError:
        return sys.maxsize


app = make_app(settings.BROKER, settings.BROKER_QUEUE)
held: dict[UUID, Any] = {}


@app.task(name=TASK)
def carry_out(execution_id: str) -> None:
    """Run this execution, unless somebody else does or did."""
    row = leases.claim(worker=settings.WORKER_NAME or leases.name_of_process(), pk=UUID(execution_id))
    if row is None:
        return
    held[row.pk] = row
    try:
        running.carry_out(row)
    finally:
        held.pop(row.pk, None)


class Announcer(threading.Thread):
    """Tells workers of rows that nobody told them of: to be tried again, or forgotten with a worker or a message.

    The jobs of higher apps, which no message tells of, begin here, too.
    """

    def __init__(self, poll: float) -> None:
        super().__init__(name="announcer", daemon=True)
        self.poll, self.jobs = poll, Jobs(poll)

    def run(self) -> None:
        """Look and announce for ever."""
        while True:
            self.jobs.look()
            try:
                queue.announce_due(also_lost=messages_waiting() < queue.AT_A_TIME)
            except (OperationalError, InterfaceError) as error:
                logger.warning("The database is away: %s", str(error).strip())
                connection.close()
            time.sleep(self.poll)


announcers: list[Announcer] = []


@signals.worker_ready.connect
def look_for_forgotten_rows(**_: Any) -> None:
    """Every worker looks; two that find the same row do no harm."""
    announcers.append(Announcer(max(settings.WORKER_POLL_SECONDS, 0.5)))
    announcers[-1].start()


@signals.worker_shutting_down.connect
def end_in_time(**_: Any) -> None:
    """Celery waits for what runs; after the grace it is given back, and the process ends."""
    for announcer in announcers:
        announcer.jobs.stop()

    def end() -> None:
        time.sleep(settings.WORKER_GRACE_SECONDS)
        give_back(list(held.values()))
        end_now()

    threading.Thread(target=end, name="grace", daemon=True).start()


def run(worker: Worker) -> None:
    """Work as this worker says, until told to end."""
    settings.WORKER_NAME, settings.WORKER_GRACE_SECONDS = worker.name, worker.grace

    def end_with_parent() -> None:
        while worker.alive():
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_parent, name="parent", daemon=True).start()
    app.Worker(
        hostname=f"promptledger@{worker.name}", concurrency=worker.concurrency, pool="threads", loglevel="WARNING"
    ).start()
    telemetry.close()
