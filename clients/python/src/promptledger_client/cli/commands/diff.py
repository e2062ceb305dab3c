"""`promptledger diff`: between two versions, or between a prompt file and the ledger."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

from promptledger_client.cli import differences
from promptledger_client.cli.commands.check import diff_of
from promptledger_client.cli.connection import Connect
from promptledger_client.cli.finding import find
from promptledger_client.cli.ledger import Ledger, prompt_path
from promptledger_client.cli.registering import count
from promptledger_client.cli.stops import OK, REFUSED, BadInput, Refused
from promptledger_client.cli.terminal import Terminal
from promptledger_client.cli.tree import is_source


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `diff`."""
    parser.add_argument("name", metavar="NAME_OR_FILE", help="a prompt, or a file with prompts against the ledger")
    parser.add_argument("old", nargs="?", metavar="A", help="from this version; default: what is or was live")
    parser.add_argument("new", nargs="?", metavar="B", help="to this version; default: the newest")
    parser.add_argument("--exit-code", action="store_true", help="answer 1 when there is a difference")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Print the difference."""
    as_file = is_source(arguments.name) and os.path.lexists(arguments.name)
    differs = of_file(arguments, connect, terminal) if as_file else of_versions(arguments, connect, terminal)
    return REFUSED if differs and arguments.exit_code else OK


def of_versions(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> bool:
    """From version A to version B, as the ledger compares them. Returns whether there is a difference."""
    ledger = connect()
    new, old = arguments.new, arguments.old
    if new is None:
        new, before = newest(ledger, arguments.name)
        old = old or before
    data = ledger.call(
        "GET", prompt_path(arguments.name, "versions", new, "diff"), params={"against": old} if old else None
    )
    lines = lines_of(data)
    differences.show(lines, terminal)
    if not lines:
        terminal.line(f"{data['prompt']}: {data['from']} and {data['to']} say the same.")
    terminal.json(data)
    return not data["identical"]


def newest(ledger: Ledger, name: str) -> tuple[str, str | None]:
    """The newest version, and the one before it where the newest is live itself. Raises Refused where there is none."""
    rows = list(itertools.islice(ledger.pages(prompt_path(name, "versions")), 2))
    if not rows:
        raise Refused(f"Prompt '{name}' has no version.")
    before = rows[1]["label"] if len(rows) > 1 and rows[0]["is_active"] else None
    return str(rows[0]["label"]), before


def lines_of(data: dict[str, Any]) -> list[str]:
    """The ledger's comparison as a unified diff."""
    names = f"{data['prompt']} {data['from']}", f"{data['prompt']} {data['to']}"
    if data["messages"] is not None:
        old, new = ([one[side] for one in data["messages"] if one[side]] for side in ("old", "new"))
        lines = differences.unified(differences.readable(old), differences.readable(new), *names)
    else:
        old_text, new_text = ("".join(one[side] for one in data["text"]) for side in ("old", "new"))
        lines = differences.unified(old_text, new_text, *names)
    config = differences.config_lines(
        {one["key"]: one["old"] for one in data["config"] if one["op"] != "insert"},
        {one["key"]: one["new"] for one in data["config"] if one["op"] != "delete"},
    )
    return (lines or [f"--- {names[0]}", f"+++ {names[1]}"]) + config if lines or config else []


def of_file(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> bool:
    """From what the ledger serves to what a file says. Returns whether there is a difference."""
    if arguments.new:
        raise BadInput("diff FILE compares with one version: diff FILE [A].")
    findings = find([str(Path(arguments.name))])
    if findings.problems or not findings.prompts:
        said = [str(problem) for problem in findings.problems]
        raise BadInput(f"{arguments.name} has {count(len(said), 'problem') if said else 'no prompts'}.", said)
    ledger, shown = connect(), []
    query = {"version": arguments.old} if arguments.old else {}
    for found in findings.prompts:
        served = ledger.find_served(prompt_path(found.name, "active"), **query)
        lines = diff_of(found, served)
        shown.append({"name": found.name, "in_ledger": served is not None, "diff": lines})
        if served is None:
            terminal.line(f"{found.name}: the ledger has no such version.")
        elif not lines:
            terminal.line(f"{found.name}: the file and {served['label']} say the same.")
        differences.show(lines, terminal)
    terminal.json({"prompts": shown})
    return any(one["diff"] or not one["in_ledger"] for one in shown)
