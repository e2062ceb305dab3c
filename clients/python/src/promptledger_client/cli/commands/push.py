"""`promptledger push`: prompt files become drafts of full-mode prompts; nothing goes live."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from promptledger_client.cli.connection import Connect
from promptledger_client.cli.finding import find
from promptledger_client.cli.found import Found
from promptledger_client.cli.ledger import Ledger, agent_path, answers, prompt_path
from promptledger_client.cli.registering import count
from promptledger_client.cli.stops import OK, BadInput, Stop, Unreachable
from promptledger_client.cli.terminal import Terminal
from promptledger_client.cli.tree import PROMPT_FILES

# Of a prompt, not of its text: PUT does not take them, so a new prompt is made with them, and an old one changed.
ABOUT = ("agent", "status_key", "title", "template_format")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `push`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="*.prompt.yaml or *.prompt.json")
    parser.add_argument("-m", "--message", help="the commit message of the drafts")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Check all files, then push one after the other; the first refusal ends it, and what was pushed is said."""
    others = [file for file in arguments.files if not Path(file).name.endswith(PROMPT_FILES)]
    if others:
        raise BadInput(f"No prompt files (*.prompt.yaml, *.prompt.json): {', '.join(others)}.")
    findings = find(arguments.files)
    if findings.problems:
        said = [str(problem) for problem in findings.problems]
        raise BadInput(f"{count(len(said), 'problem')}: nothing was sent.", said)
    ledger = connect()
    done: list[dict[str, Any]] = []
    for number, found in enumerate(findings.prompts, 1):
        terminal.progress("Pushing:", number, len(findings.prompts))
        try:
            result = push(ledger, found, arguments.message)
        except Stop as stop:
            detail = stop.detail if isinstance(stop, Unreachable) else str(found.problem(stop.detail))
            pushed = f" Pushed before it: {', '.join(one['name'] for one in done)}." if done else ""
            raise type(stop)(f"{detail}{pushed}", stop.errors, **{**stop.data, "pushed": done}) from stop
        done.append({"name": found.name, "file": str(found.path), **result})
        terminal.clear()
        terminal.line(f"{result['change']:<12} {found.name} {result['label']} ({result['stage']})")
    terminal.json({"pushed": done})
    return OK


def push(ledger: Ledger, found: Found, message: str | None) -> dict[str, Any]:
    """Make the newest draft of a prompt say what the file says. Returns change, version, label and stage."""
    known = ledger.find(prompt_path(found.name))
    content = content_of(found, message)
    about = {key: found.said[key] for key in ABOUT if found.said.get(key) is not None}
    if known is None and about:
        return created(ledger, found, {**content, **about})
    changed = {key: value for key, value in about.items() if known and known[key] != value}
    if changed and known and known["mode"] == "full":
        ledger.call("PATCH", prompt_path(found.name), body=changed)
    put = ledger.call("PUT", prompt_path(found.name), body=content)
    (version,) = answers([put["version"]])
    return {"change": put["version_change"], "version": version["version_number"],
            "label": version["label"], "stage": version["stage"]}  # fmt: skip


def created(ledger: Ledger, found: Found, body: dict[str, Any]) -> dict[str, Any]:
    """Make a prompt that has more to say than PUT takes, and its agent where there is none of that name."""
    agent = body.get("agent")
    if agent and ledger.find(agent_path(agent)) is None:
        ledger.call("POST", "/v1/agents", body={"name": agent})
    ledger.call("POST", "/v1/prompts", body={**body, "name": found.name})
    version = ledger.call("GET", prompt_path(found.name, "versions", "1"))
    return {"change": "created", "version": version["version"], "label": version["label"], "stage": version["stage"]}


def content_of(found: Found, message: str | None) -> dict[str, Any]:
    """What a PUT takes of a prompt file."""
    body: dict[str, Any] = {
        key: found.said[key] for key in ("config", "description", "owner_team") if key in found.said
    }
    message = message or found.said.get("commit_message")
    if message:
        body["commit_message"] = message
    return {**body, "template_source": found.text, "type": found.kind}
