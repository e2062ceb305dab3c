"""`promptledger render`: the text that is served, with its variables filled in by the ledger."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from promptledger_client.cli import prompt_files
from promptledger_client.cli.commands import get
from promptledger_client.cli.connection import Connect
from promptledger_client.cli.ledger import agent_path, prompt_path
from promptledger_client.cli.stops import OK, BadInput
from promptledger_client.cli.terminal import Terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `render`."""
    get.add_options(parser)
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="a text; may be repeated")
    parser.add_argument("--vars-file", metavar="FILE", help="a JSON (or YAML) object; - reads JSON from standard input")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Fill in and print; --var goes before what the file says."""
    get.check(arguments)
    variables = {**(read(arguments.vars_file) if arguments.vars_file else {}), **given(arguments.var)}
    ledger, asked = connect(), get.which(arguments)
    if arguments.agent and not asked and not arguments.strict:
        body = {"status_key": arguments.status_key or "default", "variables": variables}
        filled = ledger.call("POST", agent_path(arguments.agent, "render"), body=body)
    else:
        name = arguments.name or get.slot_name(ledger, arguments)
        filled = ledger.call("POST", prompt_path(name, "render"), body={"variables": variables}, params=asked or None)
    if terminal.as_json:
        terminal.json(filled)
    else:
        terminal.raw(get.content_of(filled))
    return OK


def given(pairs: list[str]) -> dict[str, str]:
    """Read NAME=VALUE; a value may hold further signs of equality. Raises BadInput."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput(f"--var takes NAME=VALUE, and this is {pair!r}.")
        if name in found:
            raise BadInput(f"--var {name} is given twice.")
        found[name] = value
    return found


def read(file: str) -> dict[str, Any]:
    """Read the variables in a file. Raises BadInput."""
    try:
        source = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    name = Path(file).name if file.endswith((".yaml", ".yml")) else "variables.json"
    try:
        value, _ = prompt_files.parsed(name, source)
    except prompt_files.Unreadable as error:
        raise BadInput(f"{file}:{error.line}: {error.detail}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{file} must hold an object: the variables by their names.")
    return value
