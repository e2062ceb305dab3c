"""Starting the workers on the test's own database."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The URL of the database that the tests run on."""
    said = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{said['NAME']}"
    return f"postgresql://{said['USER']}:{said['PASSWORD']}@{said['HOST']}:{said['PORT'] or 5432}/{said['NAME']}"


def start(*arguments: str, **environment: str) -> subprocess.Popen:
    """Start one worker."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.proofs.workers", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_there(file: Path, process: subprocess.Popen) -> None:
    """Wait until a worker has made this file; what it says when it ends before that fails the test."""
    while not file.exists():
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1][-2_000:])
        time.sleep(0.01)


def result(process: subprocess.Popen, timeout: float = 800) -> Any:
    """Wait for a worker and return what it printed; its errors fail the test."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err[-2_000:]
    return json.loads(out)
