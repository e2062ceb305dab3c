"""Runs a part of `costly.py` in a process of its own, which is ended when it takes too long."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from evaluations.scorers.base import CannotScore

CHILD = Path(__file__).with_name("costly.py")
# The child bounds its own work by what it spends of a processor (2 s). This is for one that never gets to it:
# a busy machine must not decide what an answer scores.
WALL_SECONDS = 10


def ask(do: str, what: str, **given: Any) -> Any:
    """Return what the function `do` gives. Raises CannotScore that names `what` when it is too much."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CHILD)], input=json.dumps({"do": do, "with": given}).encode(),
            capture_output=True, timeout=WALL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise CannotScore(f"{what} takes too long on this answer. Write it more simply.") from error
    if done.returncode != 0:
        raise CannotScore(f"{what} takes too much time or memory on this answer. Write it more simply.")
    return json.loads(done.stdout)
