"""`manage.py worker`: run what was queued. Start as many as you like, on as many machines as share the database."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, connections
from tqdm import tqdm

from common import telemetry
from executions import leases
from executions.models import Execution, unfinished
from executions.worker import Worker, end_now

SECONDS_BEFORE_ANOTHER = 1.0


class Command(BaseCommand):
    help = "Run queued executions until told to end (SIGTERM or Ctrl-C): what runs then is finished or given back."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--concurrency", type=int, default=settings.WORKER_CONCURRENCY,
            help="How many run at once in a process (WORKER_CONCURRENCY).",
        )  # fmt: skip
        parser.add_argument(
            "--processes", type=int, default=settings.WORKER_PROCESSES, help="Processes (WORKER_PROCESSES)."
        )
        parser.add_argument("--name", default=settings.WORKER_NAME, help="Shown with each run (WORKER_NAME).")
        parser.add_argument(
            "--poll", type=float, default=settings.WORKER_POLL_SECONDS,
            help="Seconds between two looks into an empty queue (WORKER_POLL_SECONDS).",
        )  # fmt: skip
        parser.add_argument(
            "--grace", type=float, default=settings.WORKER_GRACE_SECONDS,
            help="Seconds to finish what runs when told to end (WORKER_GRACE_SECONDS).",
        )  # fmt: skip
        parser.add_argument("--drain", action="store_true", help="End as soon as nothing is queued or running.")
        parser.add_argument("--with-parent", action="store_true", help="End when the process that started it does.")

    def handle(self, *, concurrency: int, processes: int, name: str, drain: bool, **options: Any) -> None:
        for what, number in (("concurrency", concurrency), ("processes", processes)):
            if number < 1:
                raise CommandError(f"--{what} must be at least 1.")
        if processes > 1:
            several(processes)
            return
        worker = Worker(
            name=name or leases.name_of_process(), concurrency=concurrency, poll=options["poll"],
            grace=options["grace"], drain=drain,
        )  # fmt: skip
        if options["with_parent"]:
            parent = os.getppid()
            worker.alive = lambda: os.getppid() == parent
        if settings.BROKER and not drain:  # whose worker has its own way with signals, and no end
            from executions import by_celery

            by_celery.run(worker)
        else:
            self.look(worker)

    def look(self, worker: Worker) -> None:
        """Let it look for work by itself."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, worker.stop)
        self.stdout.write(f"Worker {worker.name}: {worker.concurrency} at once, {connection.vendor}.")
        self.stdout.flush()  # into a file or a journal, too: who reads it there waits for this line
        waiting = Execution.objects.filter(unfinished()).count() if worker.drain else None
        with tqdm(total=waiting, unit="run", disable=None if worker.drain else True, file=sys.stderr) as bar:
            worker.on_done = lambda row: bar.update() and None
            in_order = worker.run()
        self.stdout.write(f"Worker {worker.name} ended: {worker.so_far()}.")
        sys.stdout.flush()
        connections.close_all()
        telemetry.close()
        if not in_order:
            end_now()


def several(processes: int) -> None:
    """Start so many workers, start another where one dies, and end them all when told to."""
    ending = False
    own = [word for word in sys.argv[1:] if word not in ("--processes", str(processes))]
    command = [sys.executable, sys.argv[0], *own, "--processes", "1", "--with-parent"]
    running = [subprocess.Popen(command) for _ in range(processes)]

    def end(*_: Any) -> None:
        nonlocal ending
        ending = True
        for one in running:
            one.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not ending and any(one.poll() is None for one in running):
        time.sleep(SECONDS_BEFORE_ANOTHER / 4)
        for place, one in enumerate(running):
            if not ending and one.poll() not in (None, 0):
                time.sleep(SECONDS_BEFORE_ANOTHER)
                running[place] = subprocess.Popen(command)
    for one in running:
        one.wait()
