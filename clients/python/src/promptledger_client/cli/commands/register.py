"""`promptledger register`: the prompts of a source tree become what the ledger serves."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from promptledger_client.cli import registering
from promptledger_client.cli.connection import Connect
from promptledger_client.cli.registering import count, outcome
from promptledger_client.cli.stops import OK
from promptledger_client.cli.terminal import Terminal

COLOURS = {"new": "green", "changed": "yellow", "restored": "yellow", "stale": "red", "unchanged": "dim"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `register`."""
    registering.add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would happen; the ledger stays as it is")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Find, check, send, and say what became of each prompt."""
    prompts = registering.found_prompts(arguments, terminal)
    items = registering.items_of(prompts, arguments, terminal)
    results = registering.send(connect(), prompts, items, terminal, dry_run=arguments.dry_run)
    width = max(len(result["name"]) for result in results)
    for found, result in zip(prompts, results, strict=True):
        word = outcome(result)
        terminal.line(f"{word:<10} {result['name']:<{width}}  {change_of(result)}", COLOURS[word])
        if result.get("hash_mismatch"):
            terminal.note(f"{found.name}: the ledger computes another hash of this text: it changed on its way")
    outcomes = Counter(map(outcome, results))
    said = ", ".join(f"{number:,} {word}" for word, number in sorted(outcomes.items()))
    would = "Dry run, nothing was written: " if arguments.dry_run else ""
    terminal.line(f"{would}{count(len(results), 'prompt')}: {said}")
    summary = {"prompts": len(results), **outcomes}
    shown = [{**result, "outcome": outcome(result), "file": str(found.path), "line": found.line}
             for found, result in zip(prompts, results, strict=True)]  # fmt: skip
    terminal.json({"dry_run": arguments.dry_run, "registered": shown, "summary": summary})
    return OK


def change_of(result: dict[str, Any]) -> str:
    """`v2 → v3`, and where it stands unless it is live."""
    version, before = result["version"], result.get("previous_version")
    said = f"v{before} → v{version}" if before and before != version else f"v{version}"
    if result.get("restored_from"):
        said += f", the text of v{result['restored_from']} again"
    if result.get("stale"):
        said += " stays: this code is older than what is live"
    stage = result.get("stage")
    return said if stage in (None, "PRD") else f"{said} ({stage})"
