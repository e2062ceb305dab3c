"""A PostgreSQL of our own that is stopped as by a power cut, and started, while workers run: nothing is lost or doubled.

It needs the server's programs (initdb, pg_ctl); the shared server is left alone. PROMPTLEDGER_PROOFS=1: the whole figure.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.executions.processes import Workers, until
from tests.live import free_port
from tests.proofs.processes import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="it brings its own PostgreSQL: once is enough"),
]
PART = float(os.environ.get("PROMPTLEDGER_PROOFS", "0.25"))
PROGRAMS = next(iter(sorted(glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)), shutil.which("initdb") or "")

QUEUE = "from tests.executions import processes as p; p.make_table_of_ends(); p.queue_up({number})"
LOOK = """
import json
from tests.executions import processes as p
from executions.models import Execution
rows = Execution.objects.all()
print(json.dumps({"statuses": sorted(set(rows.values_list("status", flat=True))), "rows": rows.count(),
    "own": all(row.response_text.startswith(str(row.pk)) for row in rows if row.response_text),
    "ends": sorted(set(p.ends().values())), "ended": len(p.ends()), "interrupted": p.interrupted()}))
"""


class Server:
    """One cluster in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port = folder / "data", free_port()
        # The server does not run as root.
        self.user: Any = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.do("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C")
        self.pg_ctl("start")

    def do(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs on it."""
        subprocess.run([Path(PROGRAMS).with_name(program), "-D", self.data, *arguments], check=True, user=self.user,
                       cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip

    def pg_ctl(self, what: str) -> None:
        """Start, stop or restart it; stopping is at once, with no checkpoint, as when the power fails."""
        log, options = str(self.data.parent / "log"), f"-p {self.port} -k {self.data.parent} -h 127.0.0.1"
        how = ["-m", "immediate"] if what in ("stop", "restart") else []
        self.do("pg_ctl", "-w", *how, "-l", log, "-o", options, what)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that may be restarted."""
    if not PROGRAMS:
        pytest.skip("initdb is not installed: no PostgreSQL of our own can be started")
    folder = Path(tempfile.mkdtemp(prefix="promptledger-"))
    found = Server(folder)
    yield found
    found.pg_ctl("stop")
    shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_is_restarted_loses_nothing_and_doubles_nothing(server, tmp_path):
    number, restarts = int(400 * PART), max(int(8 * PART), 2)
    workers = Workers(tmp_path, DATABASE_URL=server.url)

    def manage(*arguments: str) -> str:
        environ = {**os.environ, **workers.environment}
        done = subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environ, capture_output=True,
                              text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    manage("migrate", "-v0")
    manage("shell", "-v0", "-c", QUEUE.format(number=number))
    for _ in range(2):
        workers.start(LOGGED_SECONDS="0.3")
    try:
        for _ in range(restarts):
            before = len(workers.called())
            until(lambda before=before: len(workers.called()) > before + 4, why=workers.said)
            server.pg_ctl("restart")
        until(lambda: len(workers.called()) == number, 300, workers.said)
        found: dict[str, Any] = {}
        for _ in range(120):
            found = json.loads(manage("shell", "-v0", "-c", LOOK))
            if found["statuses"] == ["succeeded"]:
                break
            time.sleep(0.5)
    finally:
        workers.stop()
    extra = sum(workers.called().values()) - number
    print(f"restarts {restarts}, interrupted {found['interrupted']}, extra calls {extra}")
    assert found == {"statuses": ["succeeded"], "rows": number, "own": True, "ends": [1], "ended": number,
                     "interrupted": found["interrupted"]}, workers.said()  # fmt: skip
    assert 0 <= extra <= found["interrupted"]
    assert "The database is away" in workers.all_said()
