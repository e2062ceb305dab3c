"""`promptledger pull`: what is live, as prompt files or as one bundle for the client."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from promptledger_client.bundle import bundle_text
from promptledger_client.cli import prompt_files
from promptledger_client.cli.connection import Connect
from promptledger_client.cli.file_names import file_names, write_file
from promptledger_client.cli.ledger import Ledger, agent_path, prompt_path, side_by_side
from promptledger_client.cli.registering import count
from promptledger_client.cli.stops import OK, BadInput, Refused
from promptledger_client.cli.terminal import Terminal
from promptledger_client.cli.tree import PROMPT_FILES

Pulled = tuple[dict[str, Any], dict[str, Any]]  # the prompt, and what is served of it
KEPT = ("agent", "title", "description", "owner_team")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `pull`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: every prompt that is live")
    parser.add_argument("--agent", help="the prompts of this agent")
    parser.add_argument("--to", metavar="FILE_OR_DIR", default=".", help="default: this folder")
    parser.add_argument("--format", choices=["yaml", "json"], help="default: yaml, or as FILE ends")
    parser.add_argument("--bundle", metavar="FILE", help="one file for PromptLedger(bundle=FILE), instead of many")
    parser.add_argument("--force", action="store_true", help="replace files that say something else")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Read what is live, then write all of it."""
    ledger = connect()
    pulled = read_live(ledger, arguments, terminal)
    if arguments.bundle:
        path = Path(arguments.bundle)
        write_file(path, bundle_of(ledger, [served for _, served in pulled]))
        terminal.line(f"{path}: {count(len(pulled), 'prompt')}")
        terminal.json({"bundle": str(path), "prompts": [served["prompt"] for _, served in pulled]})
        return OK
    planned = plan(pulled, arguments)
    changed = {path: text for path, text in planned.values() if current(path) != text}
    if lost := [path for path in changed if current(path) is not None and not arguments.force]:
        raise Refused(
            f"{count(len(lost), 'file')} would be replaced: nothing was written. --force replaces.",
            [f"{path}: says something else than the ledger" for path in lost],
        )
    for number, (path, text) in enumerate(changed.items(), 1):
        write_file(path, text)
        terminal.progress("Writing files:", number, len(changed))
    terminal.clear()
    for name, (path, _) in planned.items():
        terminal.line(f"{'written' if path in changed else 'unchanged':<10} {path}  {name}")
    terminal.line(
        f"{count(len(planned), 'prompt')}: {len(changed):,} written, {len(planned) - len(changed):,} unchanged"
    )
    files = [{"name": name, "file": str(path), "written": path in changed} for name, (path, _) in planned.items()]
    terminal.json({"files": files})
    return OK


def read_live(ledger: Ledger, arguments: argparse.Namespace, terminal: Terminal) -> list[Pulled]:
    """Return all that is asked for. Raises Refused for a name that is not live."""
    filters = {"stage": "PRD", **({"agent": arguments.agent} if arguments.agent else {})}
    if arguments.names:
        names = dict.fromkeys(arguments.names)
        rows = list(side_by_side(lambda name: ledger.call("GET", prompt_path(name)), names))
        if strangers := [row["name"] for row in rows if arguments.agent and row["agent"] != arguments.agent]:
            raise Refused(f"Not of agent '{arguments.agent}': {', '.join(strangers)}.")
    else:
        rows = list(ledger.pages("/v1/prompts", **filters))
    if not rows:
        raise Refused("No prompt is live" + (f" for agent '{arguments.agent}'." if arguments.agent else "."))
    pulled = []
    for served in side_by_side(lambda row: ledger.served(prompt_path(row["name"], "active")), rows):
        pulled.append(served)
        terminal.progress("Reading prompts:", len(pulled), len(rows))
    terminal.clear()
    return list(zip(rows, pulled, strict=True))


def bundle_of(ledger: Ledger, pulled: list[dict[str, Any]]) -> str:
    """The bundle's text, in the client's own format."""
    agents = sorted({served["agent"] for served in pulled if served["agent"]})
    primary = {agent: ledger.call("GET", agent_path(agent))["primary_status_key"] for agent in agents}
    return bundle_text(pulled, primary_status_keys=primary)


def plan(
    pulled: list[tuple[dict[str, Any], dict[str, Any]]], arguments: argparse.Namespace
) -> dict[str, tuple[Path, str]]:
    """Return for each prompt the file it goes to and what that will say. Raises BadInput."""
    to = Path(arguments.to)
    as_file = not to.is_dir() and to.name.endswith(PROMPT_FILES)
    if as_file and len(pulled) > 1:
        raise BadInput(f"{count(len(pulled), 'prompt')} do not go into one file: --to a folder, or --bundle FILE.")
    if not as_file and to.suffix and not to.is_dir():
        raise BadInput(f"{to}: a prompt file is called {' or '.join('*' + ending for ending in PROMPT_FILES)}.")
    form = arguments.format or ("json" if as_file and to.name.endswith(".json") else "yaml")
    names = file_names([served["prompt"] for _, served in pulled], f".prompt.{form}")
    return {
        served["prompt"]: (
            to if as_file else to / names[served["prompt"]],
            prompt_files.written(said_of(row, served), form, comment_of(served)),
        )
        for row, served in pulled
    }


def comment_of(served: dict[str, Any]) -> str:
    """Which version it is, for the head of a YAML file."""
    return f"{served['label']} ({served['stage']}), by promptledger pull"


def said_of(row: dict[str, Any], served: dict[str, Any]) -> dict[str, Any]:
    """What a prompt file says of a prompt: all that would make it again."""
    said: dict[str, Any] = {"name": served["prompt"]}
    said.update({key: row[key] for key in KEPT if row.get(key)})
    if row.get("agent") or row["status_key"] != "default":
        said["status_key"] = row["status_key"]
    if served["type"] != "text":
        said["type"] = served["type"]
    if served["template_format"] != "simple":
        said["template_format"] = served["template_format"]
    if served["config"]:
        said["config"] = served["config"]
    key = "messages" if served["type"] == "chat" else "template"
    said[key] = list(map(ordered, served["messages"])) if key == "messages" else served["template_source"]
    return said


def ordered(message: dict[str, str]) -> dict[str, str]:
    """A message as people write it: who, then what."""
    return {key: message[key] for key in ("role", "content", "type", "name") if key in message}


def current(path: Path) -> str | None:
    """What a file says now, or None where there is none. Raises BadInput for one that cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
