"""`promptledger check`: whether the ledger serves what the code says; for CI."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from promptledger_client.cli import differences, registering
from promptledger_client.cli.annotations import annotate
from promptledger_client.cli.connection import Connect
from promptledger_client.cli.found import Found
from promptledger_client.cli.ledger import Ledger, prompt_path, side_by_side
from promptledger_client.cli.registering import count, outcome
from promptledger_client.cli.stops import OK, REFUSED, Refused
from promptledger_client.cli.terminal import Terminal

STAGES = {"dev": "DEV", "tst": "TST", "prd": "PRD"}
SAID = {
    "missing": "is not in the ledger",
    "different": "differs from the ledger",
    "behind": "is older than what the ledger serves",
    "extra": "is in the ledger, but not in the code",
}
DIFF_LINES = 20  # of each prompt; all of them with `promptledger diff`


@dataclass(frozen=True)
class Drift:
    """One difference between code and ledger; `found` is None where the code has no such prompt."""

    name: str
    kind: str
    found: Found | None = None
    diff: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        place = {"file": str(self.found.path), "line": self.found.line} if self.found else {"file": None, "line": None}
        return {"name": self.name, "kind": self.kind, **place, "diff": list(self.diff)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    registering.add_options(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="tracking prompts that only the ledger has are drift, too",
    )
    parser.add_argument("--format", choices=["text", "github"], default="text", help="github: annotations of Actions")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Compare, say what differs, and answer 1 if anything does."""
    as_github = arguments.format == "github" and not terminal.as_json
    prompts = registering.found_prompts(arguments, terminal, as_github=as_github)
    items = registering.items_of(prompts, arguments, terminal)
    ledger = connect()
    names, drifts = compare(ledger, prompts, items, arguments.environment, terminal)
    if arguments.strict:
        filters = {"mode": "tracking", **({"agent": arguments.agent} if arguments.agent else {})}
        listed = (row["name"] for row in ledger.pages("/v1/prompts", **filters))
        drifts += [Drift(name, "extra") for name in listed if name not in names]
    for drift in drifts:
        say(drift, terminal, as_github=as_github)
    said = (
        "the code and the ledger agree" if not drifts else f"{count(len(drifts), 'difference')} between code and ledger"
    )
    terminal.line(f"{count(len(prompts), 'prompt')}: {said}")
    terminal.json({"prompts": len(prompts), "drift": [drift.as_json() for drift in drifts]})
    return REFUSED if drifts else OK


def compare(
    ledger: Ledger, prompts: list[Found], items: list[dict[str, Any]], environment: str, terminal: Terminal
) -> tuple[set[str], list[Drift]]:
    """Return the names that the code has, and what differs.

    By a registration without effect, which says what a real one would do; by reading the texts one by one where the
    key may only read.
    """
    try:
        results = registering.send(ledger, prompts, items, terminal, dry_run=True)
    except Refused as stop:
        if stop.data.get("status") != 403:
            raise
        terminal.note("The key may not register: the texts are compared one by one.")
        return {one.name for one in prompts}, compared_by_reading(ledger, prompts, environment, terminal)
    drifts = []
    for found, result in zip(prompts, results, strict=True):
        kind = {"new": "missing", "stale": "behind", "unchanged": ""}.get(outcome(result), "different")
        if kind == "missing":
            drifts.append(Drift(result["name"], kind, found))
        elif kind:
            served = live(ledger, result["name"], environment)
            drifts.append(Drift(result["name"], kind, found, tuple(diff_of(found, served))))
    return {result["name"] for result in results}, drifts


def compared_by_reading(ledger: Ledger, prompts: list[Found], environment: str, terminal: Terminal) -> list[Drift]:
    """What differs, from the texts that the ledger serves."""
    drifts = []
    texts = side_by_side(lambda found: live(ledger, found.name, environment), prompts)
    for number, (found, served) in enumerate(zip(prompts, texts, strict=True), 1):
        if served is None:
            drifts.append(Drift(found.name, "missing", found))
        elif diff := diff_of(found, served):
            drifts.append(Drift(found.name, "different", found, tuple(diff)))
        terminal.progress("Comparing prompts:", number, len(prompts))
    terminal.clear()
    return drifts


def live(ledger: Ledger, name: str, environment: str) -> dict[str, Any] | None:
    """What the ledger serves of a prompt in an environment, or None."""
    stage = {} if environment == "prd" else {"stage": STAGES[environment]}
    return ledger.find_served(prompt_path(name, "active"), **stage)


def diff_of(found: Found, served: dict[str, Any] | None) -> list[str]:
    """The lines that differ between the ledger's text and config, and the code's; a config left out is not compared."""
    if served is None:
        return []
    theirs = served["messages"] if served["type"] == "chat" else served["template_source"]
    lines = differences.unified(
        differences.readable(theirs),
        differences.readable(found.readable),
        f"ledger {served['label']}",
        "code",
        context=1,
    )
    config = found.said.get("config")
    return lines + (differences.config_lines(served["config"], config) if config is not None else [])


def say(drift: Drift, terminal: Terminal, *, as_github: bool) -> None:
    """Print one difference, for people or for GitHub."""
    said = f"{drift.name} {SAID[drift.kind]}"
    if as_github:
        path, line = (drift.found.path, drift.found.line) if drift.found else (None, 0)
        terminal.line(annotate("error", path, line, "Prompt drift", "\n".join([said, *drift.diff[:DIFF_LINES]])))
        return
    place = str(drift.found.problem(said)) if drift.found else said
    terminal.line(place, "red")
    differences.show(list(drift.diff[:DIFF_LINES]), terminal, indent="    ")
    if len(drift.diff) > DIFF_LINES:
        terminal.line(f"    … {count(len(drift.diff) - DIFF_LINES, 'line')} more: promptledger diff FILE", "dim")
