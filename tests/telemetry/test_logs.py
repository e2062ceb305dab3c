"""Log lines: JSON or text, each on one line, with the id, without what has no place in them."""

import json
import logging
import subprocess
import sys

import pytest

from common import correlation, logs
from tests import live


def record(message="said %s", *args, **extra):
    return logging.makeLogRecord(
        {
            "name": "promptledger.x",
            "levelno": 30,
            "levelname": "WARNING",
            "msg": message,
            "args": args or ("it",),
            **extra,
        }
    )


def as_json(made):
    line = logs.AsJson().format(made)
    assert "\n" not in line and line.isascii()
    return json.loads(line)


def test_a_line_of_json():
    with correlation.named("abc"):
        line = as_json(record(status=404, path="/ü", skipped=object()))
    assert line["time"].endswith("+00:00")
    assert {name: line[name] for name in line if name != "time"} == {
        "level": "WARNING", "logger": "promptledger.x", "message": "said it", "correlation_id": "abc", "status": 404, "path": "/ü",
    }  # fmt: skip


def test_an_error_brings_its_traceback_and_no_values():
    secret = "sentinel-value"
    try:
        raise ValueError("broken")
    except ValueError:
        line = as_json(record(exc_info=sys.exc_info()))
    assert line["error_type"] == "ValueError" and "test_logs.py" in line["traceback"]
    assert secret not in line["traceback"].replace('secret = "sentinel-value"', "")


@pytest.mark.parametrize("odd", ["a\nb", "a\r\n2026-01-01 ERROR forged", "a\x1b[31m", "a\u2028b", "a\x00b", "\x9b"])
def test_a_line_stays_one_line(odd):
    assert as_json(record("%s", odd))["message"] == odd
    line = logs.AsText().format(record("%s", odd))
    assert len(line.splitlines()) == 1 and odd not in line and "\\x" in line


def test_a_line_for_people_ends_with_the_id():
    with correlation.named("abc"):
        assert logs.AsText().format(record()).endswith("WARNING promptledger.x said it [abc]")
    assert logs.AsText().format(record()).endswith("said it")


def test_long_ones_are_cut():
    assert len(as_json(record("%s", "x" * 10_000, note="y" * 10_000))["message"]) == logs.LONGEST
    assert len(logs.AsText().format(record("%s", "x" * 10_000))) < logs.LONGEST + 100


# As Django sets it up, without the rest of the start.
SETUP = "import logging.config; from promptledger.settings import LOGGING; logging.config.dictConfig(LOGGING)"


def run(tmp_path, program, **environment):
    environ = live.environment(tmp_path, DJANGO_SETTINGS_MODULE="promptledger.settings", **environment)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{SETUP}; {program}"],
        cwd=live.ROOT, env=environ, capture_output=True, text=True,
    )  # fmt: skip


SAY = "logging.getLogger('promptledger.request').info('one'); logging.getLogger('other').warning('two')"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"PROMPTLEDGER_LOCAL": "0"}, ["json:one", "json:two"]),
        ({"PROMPTLEDGER_LOCAL": "1"}, ["text:two"]),
        ({"PROMPTLEDGER_LOCAL": "1", "LOG_FORMAT": "json", "LOG_LEVEL": "info"}, ["json:one", "json:two"]),
        ({"PROMPTLEDGER_LOCAL": "0", "LOG_FORMAT": "console", "LOG_LEVEL": "WARNING"}, ["text:two"]),
    ],
)
def test_how_and_how_much_is_said(tmp_path, environment, wanted):
    lines = run(tmp_path, SAY, **environment).stderr.splitlines()
    said = [
        f"json:{json.loads(line)['message']}" if line.startswith("{") else f"text:{line.split()[-1]}" for line in lines
    ]
    assert said == wanted


def test_a_format_that_there_is_not_is_said(tmp_path):
    done = run(tmp_path, SAY, LOG_FORMAT="xml")
    assert done.returncode and "LOG_FORMAT must be json or console, not 'xml'." in done.stderr
