"""`manage.py up`: prepare the database and serve. What `make run` starts (SPEC 10 and 11)."""

import multiprocessing.connection
import os
import signal
import socket
import sys
import threading
import time
from contextlib import nullcontext
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from accounts.local import ensure_loopback
from ledger.models import LedgerEvent
from promptledger.beside import worker_beside
from versions import guards

# SQLite has one writer, and a page is quick: one process with a few threads serves one machine best.
THREADS = 4
SECONDS_TO_FINISH = 10


class Writer(Protocol):
    def write(self, text: str) -> Any: ...


class Command(BaseCommand):
    help = "Prepare the database and serve PromptLedger. Ctrl-C ends it."
    # The checks of the database need the tables, which this command makes.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mode",
            choices=("local", "server"),
            default="local",
            help="local: for you alone, on this machine, everything prepared. server: for a team, closed by default.",
        )
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on; local mode takes loopback only.")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000", help="Default: PORT, or 8000.")
        parser.add_argument("--workers", type=int, help="Processes. Default: 1 on SQLite, else one a core, at most 4.")
        parser.add_argument("--threads", type=int, default=THREADS, help=f"Threads of a process. Default: {THREADS}.")
        parser.add_argument(
            "--no-worker", action="store_true", help="Serve only; `manage.py worker` runs elsewhere what is queued."
        )
        parser.add_argument(
            "--no-demo", action="store_true", help="Begin with an empty database (PROMPTLEDGER_DEMO=0)."
        )

    def handle(self, *, mode: str, host: str, port: str, no_demo: bool, **options: Any) -> None:
        local = mode == "local"
        if local:
            refuse_other_addresses(host)
        else:
            refuse_wide_open_hosts(host)
        become(local)
        address = host, free_port(host, port)
        try:
            if local:
                prepare(self.stdout, demo=not no_demo and os.environ.get("PROMPTLEDGER_DEMO", "1") != "0")
            else:
                inspect(self.stderr)
            with nullcontext() if options["no_worker"] else worker_beside(SECONDS_TO_FINISH):
                workers = options["workers"] or default_workers()
                serve(address, self.stdout, workers=workers, threads=options["threads"])
        except KeyboardInterrupt:
            pass
        except DatabaseError as error:
            raise CommandError(f"The database {where()} does not answer: {first_line(error)}") from error
        self.stdout.write("Stopped.")


def refuse_other_addresses(host: str) -> None:
    """Raise CommandError unless `host` is this machine talking to itself."""
    try:
        ensure_loopback(host)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error


def refuse_wide_open_hosts(host: str) -> None:
    """Raise CommandError where a server would answer to any name: `*` lets others choose it."""
    if "*" in os.environ.get("ALLOWED_HOSTS", ""):
        raise CommandError(
            f"ALLOWED_HOSTS has a '*'. Name the hosts by which {host} is reached, see docs/operations.md."
        )


def become(local: bool) -> None:
    """Begin again with the settings of the other mode: they are read once, before any command runs."""
    if local != settings.LOCAL_MODE:
        os.environ["PROMPTLEDGER_LOCAL"] = "1" if local else "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (this very program)


def free_port(host: str, port: str) -> int:
    """Return the port as a number. Raises CommandError when it is none, or somebody listens there.

    The server shares ports between its processes and would share this one with a stranger, too.
    """
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65_536:
        raise CommandError(f"'{port}' is not a port: set PORT (or --port) to a number from 1 to 65535.")
    kind, _, _, _, target = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(target)
        except OSError as error:
            said = f"Cannot listen on {host}:{port}: {error.strerror}."
            raise CommandError(
                f"{said} Choose another port, for example PORT={int(port) % 65_000 + 1} make run."
            ) from error
    return int(port)


def prepare(out: Writer, *, demo: bool) -> None:
    """Bring the database up to date, one line for each thing done; fill it where nothing was ever written in it."""
    if steps := open_migrations():
        out.write(f"Database {where()}: {len(steps)} migrations to apply.")
        call_command("migrate", interactive=False, verbosity=0)
    elif lacking := guards.install():
        out.write(f"Database {where()}: put back {len(lacking)} missing guards. Run manage.py verify_ledger.")
    if demo and not LedgerEvent.objects.exists():
        call_command("load_demo", stdout=out)
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # empty: in local mode files are served from where they lie


def inspect(err: Writer) -> None:
    """Refuse to serve a team from a database that is not ready; gather the static files of this release."""
    if steps := open_migrations():
        raise CommandError(
            f"{len(steps)} migrations are not applied to {where()}. "
            f"Run `manage.py migrate` as the owner of the tables first."
        )
    if lacking := guards.missing():
        raise CommandError(
            f"The database {where()} lacks its guards: {', '.join(lacking)}. Run `manage.py migrate` as their owner."
        )
    call_command("check", deploy=True, tags=["security", "database"], databases=["default"], stderr=err)
    call_command("collectstatic", interactive=False, verbosity=0)


def open_migrations() -> list[Any]:
    """The migrations that the database has not seen yet."""
    executor = MigrationExecutor(connection)
    return executor.migration_plan(executor.loader.graph.leaf_nodes())


def default_workers() -> int:
    """One process on SQLite; elsewhere one a core, at most four."""
    return 1 if connection.vendor == "sqlite" else min(os.cpu_count() or 1, 4)


def serve(address: tuple[str, int], out: Writer, *, workers: int, threads: int) -> None:
    """Serve until a signal comes; returns when every process has ended."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.mp import WorkerProcess

    import promptledger.wsgi  # loaded once, before the workers are forked from this process

    promptledger.wsgi.with_body.at_once = max(1, threads - 1)
    host, port = address
    WorkerProcess.is_alive = is_alive  # type: ignore[method-assign]
    server = Granian(
        "promptledger.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=one_log_for_both(),
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_FINISH,
    )
    stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # started under nohup
    # A terminal that is closed ends it as Ctrl-C does; granian would begin anew, and nobody would know of it.
    hang_up = signal.SIG_IGN if stays else server.signal_handler_interrupt
    server.on_startup(lambda: signal.signal(signal.SIGHUP, hang_up))
    server.on_startup(lambda: greet(host, port, out))
    connections.close_all()
    server.serve(target_loader=load_apart)


def is_alive(worker: Any) -> bool:
    """Whether a process of granian's still runs, for granian itself, which asks `Process.is_alive`.

    Two threads of granian wait for a process that ends; Python tells only the first that it did. The second then
    "kills a worker that refused to stop", which had stopped, and whose number may be another's by now.
    """
    return not multiprocessing.connection.wait([worker.inner.sentinel], 0)


def one_log_for_both() -> dict[str, Any]:
    """What the web server says looks like what we say, and goes the same way."""
    return {**settings.LOGGING, "loggers": {**settings.LOGGING["loggers"], "_granian": {"level": "WARNING"}}}


def load_apart(target: str) -> Any:
    """Load the application in a worker, out of the terminal's reach: Ctrl-C is for its parent, which ends it in order.

    A worker that the terminal and its parent both tell to end sometimes hangs, until it is killed ten seconds later.
    """
    os.setpgrp()
    threading.Thread(target=end_with, args=(os.getppid(),), name="parent", daemon=True).start()
    from promptledger.wsgi import application

    return application


def end_with(parent: int) -> None:
    """End this process when the one that started it is gone: a server that was killed does not keep its port."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_FINISH)
    os._exit(1)


def greet(host: str, port: int, out: Writer) -> None:
    """Say where it is."""
    shown = f"[{host}]" if ":" in host else host
    out.write(f"\n  PromptLedger is at http://{shown}:{port}\n  Ctrl-C ends it.\n\n")
    getattr(out, "flush", lambda: None)()


def where() -> str:
    """The database as people know it, without its password."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(config["NAME"])
    return f"{config['NAME']} on {config['HOST'] or 'this machine'}:{config['PORT'] or 5432}"


def first_line(error: Exception) -> str:
    """The first line of what a database says."""
    return str(error).strip().split("\n", 1)[0]
