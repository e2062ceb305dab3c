"""From a source tree to calls of register-code: what `register` and `check` have in common."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promptledger_client.cli.annotations import annotate
from promptledger_client.cli.finding import find
from promptledger_client.cli.found import Found
from promptledger_client.cli.git import Commit, commit_of
from promptledger_client.cli.ledger import Ledger, answers
from promptledger_client.cli.prompt_files import TEXTS
from promptledger_client.cli.stops import BadInput, Refused, Stop, Unreachable
from promptledger_client.cli.terminal import Terminal

ITEMS_LIMIT = 10_000  # of one call (SPEC 3)
BYTES_LIMIT = 15 * 1024 * 1024  # the ledger takes 16 MiB with everything around the items
CALL = "/v1/prompts/register-code"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say what is found and how it is registered."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", default=["."],
        help="folder, file, or module path package.module[:NAME], which is imported; default: this folder",
    )  # fmt: skip
    parser.add_argument("--agent", help="the agent of prompts that name none")
    parser.add_argument(
        "--environment", choices=["dev", "tst", "prd"], default="prd", help="default: prd, that is live"
    )
    parser.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="leave out files and folders")
    parser.add_argument("--commit", help="default: what git has checked out in PATH")
    parser.add_argument("--committed-at", metavar="TIME", help="ISO 8601; default: the time of that commit")


def found_prompts(arguments: argparse.Namespace, terminal: Terminal, *, as_github: bool = False) -> list[Found]:
    """Return the prompts in the paths. Raises BadInput that names all that is wrong, and when there are none."""
    findings = find(
        arguments.paths,
        agent=arguments.agent,
        exclude=arguments.exclude,
        progress=lambda files: terminal.progress("Looking for prompts: files", files),
    )
    terminal.clear()
    if findings.problems:
        if as_github:
            for problem in findings.problems:
                terminal.line(annotate("error", problem.path, problem.line, "Prompt", problem.detail))
        said = [] if as_github else [str(problem) for problem in findings.problems]
        problems = [
            {"path": str(problem.path), "line": problem.line, "detail": problem.detail} for problem in findings.problems
        ]
        raise BadInput(f"{count(len(problems), 'problem')}: nothing was sent.", said, problems=problems)
    if not findings.prompts:
        where = ", ".join(arguments.paths)
        raise BadInput(f"No prompts in {where}: looked at {count(findings.files, 'file')}. See CLI.md, register.")
    return findings.prompts


def items_of(prompts: list[Found], arguments: argparse.Namespace, terminal: Terminal) -> list[dict[str, Any]]:
    """Return the prompts as items of register-code, each with the commit of the tree it stands in."""
    commits: dict[Path, Commit | None] = {}
    for root in dict.fromkeys(one.root for one in prompts):
        commits[root] = None if arguments.commit else seen_commit(root, terminal)
    return [item_of(one, commits[one.root], arguments) for one in prompts]


def seen_commit(root: Path, terminal: Terminal) -> Commit | None:
    """The commit that a path stands at; a dirty tree is said."""
    commit, why = commit_of(root)
    if why:
        terminal.note(f"{root}: without a commit, for git says: {why}")
    if commit and commit.dirty:
        first = ", ".join(commit.dirty[:3]) + (", …" if len(commit.dirty) > 3 else "")
        terminal.note(f"{root}: {count(len(commit.dirty), 'file')} not as in commit {commit.sha[:12]}: {first}")
    return commit


def item_of(found: Found, commit: Commit | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """One item: the prompt, the hash of its text, where it is to stand and which commit it is of."""
    item = found.item(template_hash=hashlib.sha256(found.text.encode()).hexdigest(), environment=arguments.environment)
    for key in TEXTS:
        item.pop(key, None)
    item["commit"] = arguments.commit or (commit.sha if commit else None)
    item["committed_at"] = arguments.committed_at or (commit.at if commit else None)
    return {key: value for key, value in item.items() if value is not None}


def batches(items: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the items in calls that the ledger takes: by number and by size."""
    batch: list[dict[str, Any]] = []
    size = 0
    for item in items:
        bytes_of = len(json.dumps(item)) + 2
        if batch and (len(batch) == ITEMS_LIMIT or size + bytes_of > BYTES_LIMIT):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += bytes_of
    yield batch


def send(
    ledger: Ledger, prompts: list[Found], items: list[dict[str, Any]], terminal: Terminal, *, dry_run: bool
) -> list[dict[str, Any]]:
    """Register the items of the prompts; return the results in their order.

    More than fit into a call are split, which is said: each call is all or nothing by itself. So that none of them
    is refused after others are through, all are tried without effect first. A refusal names files and lines.
    """
    calls = list(batches(items))
    if len(calls) > 1:
        tried = "" if dry_run else ", tried without effect first"
        terminal.note(f"{len(items):,} prompts are more than a call takes: {len(calls)} calls{tried}.")
        if not dry_run:
            _calls(ledger, calls, prompts, terminal, dry_run=True)
    return _calls(ledger, calls, prompts, terminal, dry_run=dry_run)


def _calls(
    ledger: Ledger, calls: list[list[dict[str, Any]]], prompts: list[Found], terminal: Terminal, *, dry_run: bool
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for batch in calls:
        terminal.progress("Comparing prompts:" if dry_run else "Registering prompts:", len(results), len(prompts))
        try:
            data = ledger.call("POST", CALL, body={"prompts": batch, "dry_run": dry_run})
        except (BadInput, Refused) as stop:
            raise placed(stop, prompts[len(results) :]) from stop
        results += answers(data["registered"])
    terminal.clear()
    if len(results) != len(prompts):
        raise Unreachable(f"{len(prompts):,} prompts were sent, and {len(results):,} results came back.")
    return results


def placed(stop: Stop, prompts: list[Found]) -> Stop:
    """The refusal with the file and line of each item that it names."""
    named = stop.data.get("items") or ([{**stop.data, "detail": stop.detail}] if "index" in stop.data else [])
    if not named:
        return stop
    problems = [prompts[one["index"]].problem(str(one["detail"])) for one in named]
    places = [{"path": str(one.path), "line": one.line, "detail": one.detail} for one in problems]
    data = {**stop.data, "problems": places}
    if len(problems) == 1:
        return type(stop)(str(problems[0]), **data)
    return type(stop)(
        f"{count(len(problems), 'problem')}: nothing was written.", [str(one) for one in problems], **data
    )


def outcome(result: dict[str, Any]) -> str:
    """What a registration came to, in one word."""
    if result.get("stale"):
        return "stale"
    if result.get("restored_from"):
        return "restored"
    if result.get("change_detected"):
        return "changed"
    return "new" if result.get("created") else "unchanged"


def count(number: int, noun: str) -> str:
    """`1 prompt`, `1,200 prompts`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
