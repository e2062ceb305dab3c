"""Jinja2, for prompts that choose it: sandboxed, over plain JSON values, in a child process with limits.

The sandbox stops code, not a template that eats memory or time (RELIABILITY 2.2); the child can be ended.
"""

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import BadInput

CHILD = Path(__file__).with_name("jinja_child.py")
# The child bounds its own work by what it spends of a processor (1 s). This is for one that never gets to it:
# a busy machine is no fault of the template.
WALL_SECONDS = 10
OUTPUT_LIMIT = 1_048_576


@lru_cache(maxsize=512)
def variables(text: str) -> tuple[str, ...]:
    """Return the names a template leaves for its values. Raises BadInput for bad syntax."""
    return tuple(_ask({"do": "variables", "text": text}))


def check(text: str) -> None:
    """Raise BadInput with the line of the first syntax error."""
    variables(text)


def render(text: str, values: dict[str, Any]) -> str:
    """Return the filled template. Raises BadInput for undefined names, errors, too much time, memory or output."""
    return _ask({"do": "render", "text": text, "values": values})


def _ask(task: dict[str, Any]) -> Any:
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(CHILD)],
            input=json.dumps(task).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused("The template took too long.", "too_slow") from error
    if done.returncode != 0 or len(done.stdout) > OUTPUT_LIMIT * 6:
        raise _refused("The template took too much time, memory or output.", "too_costly")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise _refused(answer["error"], answer["code"])
    return answer["result"]


def _refused(said: str, code: str) -> BadInput:
    return BadInput(said, code=code, errors={"template_source": [said]})
