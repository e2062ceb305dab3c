"""A PromptLedger started as people start it: `manage.py up` in a process of its own, on a free port, in local mode."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120  # that a busy machine may take to start or to end one


# Each process of the tests counts through ports of its own, below those that the kernel deals out: two that asked
# at the same moment for "any free one" could be given the same.
OURS = range(18_000, 32_000)[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8 :: 8]
BEGIN = os.getpid() * 7 % len(OURS)  # elsewhere than another session on this machine
PORTS = itertools.cycle([*OURS[BEGIN:], *OURS[:BEGIN]])


def free_port() -> int:
    """A port that nobody listens on now."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("PORTS has no end")


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    """The environment of a fresh installation on SQLite: nothing of the tests' own settings."""
    ours = {"DATABASE_URL", "PORT", "SECRET_KEY", "ALLOWED_HOSTS", "DJANGO_SETTINGS_MODULE"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROMPTLEDGER_") and key not in ours}
    return {**kept, "PROMPTLEDGER_DATA_DIR": str(data_dir), **more}


class Server(subprocess.Popen[str]):
    """A process whose output is read as it comes: nobody reads a pipe of 64 KB that a server fills, and it would stop."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.said: list[str] = []
        self.reader = threading.Thread(target=lambda: self.said.extend(self.stdout or ()), daemon=True)
        self.reader.start()

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[str, Any]:  # noqa: A002
        """Wait until it and all of its processes have ended. Returns all they said."""
        self.wait(timeout)
        self.reader.join(timeout)
        if self.reader.is_alive():
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return "".join(self.said), None


def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start `manage.py up` with these arguments."""
    return Server(
        [sys.executable, "manage.py", "up", *arguments],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def until_it_answers(process: subprocess.Popen[str], url: str) -> None:
    """Return once /health answers. Raises AssertionError with what the process said when it ends before, or is slow."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    if process.poll() is None:
        process.kill()
    raise AssertionError(f"It did not start: {process.communicate()[0]}")


def stop(process: subprocess.Popen[str], with_signal: int = signal.SIGTERM) -> tuple[int, str]:
    """End it as people do. Returns its exit code and all it said."""
    process.send_signal(with_signal)
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, said


@contextmanager
def running(data_dir: Path, *arguments: str, **environ: str) -> Iterator[str]:
    """A PromptLedger that answers, as its address; ended afterwards."""
    port = free_port()
    process = start("--port", str(port), *arguments, **environment(data_dir, **environ))
    try:
        until_it_answers(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            stop(process)
