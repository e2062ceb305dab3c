"""`promptledger status`: a table of the prompts, what is live, and the drafts."""

from __future__ import annotations

import argparse
from typing import Any

from promptledger_client.cli.connection import Connect
from promptledger_client.cli.ledger import Ledger, prompt_path, side_by_side
from promptledger_client.cli.stops import OK
from promptledger_client.cli.terminal import Terminal

HEAD = ("PROMPT", "AGENT", "STATUS KEY", "MODE", "PRODUCTION", "DRAFTS")
DRAFTS = ("DEV", "TST")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `status`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: every prompt")
    parser.add_argument("--agent", help="the prompts of this agent")
    parser.add_argument("--mode", choices=["full", "tracking"])


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Print the table."""
    ledger = connect()
    filters = {key: value for key in ("agent", "mode") if (value := getattr(arguments, key))}
    if arguments.names:
        names = dict.fromkeys(arguments.names)
        rows = list(side_by_side(lambda name: ledger.call("GET", prompt_path(name)), names))
        rows = [row for row in rows if all(row[key] == value for key, value in filters.items())]
        drafting = {stage: {row["name"] for row in rows} for stage in DRAFTS}
    else:
        rows = list(ledger.pages("/v1/prompts", **filters))
        drafting = {
            stage: {row["name"] for row in ledger.pages("/v1/prompts", stage=stage, **filters)} for stage in DRAFTS
        }
    shown = []
    drafts = side_by_side(lambda row: drafts_of(ledger, row["name"], drafting), rows)
    for number, (row, found) in enumerate(zip(rows, drafts, strict=True), 1):
        shown.append({
            "name": row["name"], "agent": row["agent"], "status_key": row["status_key"], "mode": row["mode"],
            "production": row["production"], "drafts": found,
        })  # fmt: skip
        terminal.progress("Reading prompts:", number, len(rows))
    terminal.clear()
    if shown:
        terminal.table(HEAD, map(cells, shown))
    else:
        terminal.line("No prompts.")
    terminal.json({"prompts": shown})
    return OK


def drafts_of(ledger: Ledger, name: str, drafting: dict[str, set[str]]) -> list[dict[str, str]]:
    """The drafts of a prompt, by label and stage; asked for only where there are some."""
    found: list[dict[str, str]] = []
    for stage in DRAFTS:
        if name in drafting[stage]:
            rows = ledger.pages(prompt_path(name, "versions"), stage=stage)
            found += [{"label": row["label"], "stage": stage} for row in rows]
    return found


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    drafts = ", ".join(f"{draft['label']} {draft['stage']}" for draft in row["drafts"])
    return row["name"], row["agent"] or "-", row["status_key"], row["mode"], row["production"] or "-", drafts or "-"
