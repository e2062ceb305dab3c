"""`promptledger get`: the text that is served, exactly."""

from __future__ import annotations

import argparse
import json
from typing import Any

from promptledger_client.cli.connection import Connect
from promptledger_client.cli.ledger import Ledger, agent_path, prompt_path
from promptledger_client.cli.stops import OK, BadInput, Refused
from promptledger_client.cli.terminal import Terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `get`; `render` has them, too."""
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--agent", help="what this agent is served, instead of NAME")
    parser.add_argument("--status-key", metavar="KEY", help="in this state; default: default")
    parser.add_argument("--strict", action="store_true", help="this state or nothing: no fallback to another")
    parser.add_argument("--version", metavar="V", help="2.3, v2.3 or its number, instead of what is live")
    parser.add_argument("--stage", choices=["DEV", "TST", "PRD", "RET"], type=str.upper, help="the newest one there")


def run(arguments: argparse.Namespace, connect: Connect, terminal: Terminal) -> int:
    """Print what is served."""
    check(arguments)
    served = fetch(connect(), arguments)
    if terminal.as_json:
        terminal.json(served)
    else:
        terminal.raw(content_of(served))
    return OK


def check(arguments: argparse.Namespace) -> None:
    """Raise BadInput unless the options name one prompt."""
    if bool(arguments.name) == bool(arguments.agent):
        raise BadInput("Give NAME, or --agent with --status-key: one of them.")
    if arguments.name and (arguments.status_key or arguments.strict):
        raise BadInput("--status-key and --strict go with --agent.")
    if arguments.version and arguments.stage:
        raise BadInput("--version or --stage, not both.")


def which(arguments: argparse.Namespace) -> dict[str, str]:
    """The query for another version than the one that is live."""
    asked = {"version": arguments.version, "stage": arguments.stage}
    return {key: value for key, value in asked.items() if value}


def fetch(ledger: Ledger, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what is served of the prompt that the options name."""
    asked = which(arguments)
    if arguments.agent and not asked:
        query = {"status_key": arguments.status_key or "default", **({"strict": "1"} if arguments.strict else {})}
        return ledger.served(agent_path(arguments.agent, "prompt"), **query)
    name = arguments.name or slot_name(ledger, arguments)
    return ledger.served(prompt_path(name, "active"), **asked)


def slot_name(ledger: Ledger, arguments: argparse.Namespace) -> str:
    """The name of the prompt that an agent has for a state. Raises Refused where it has none."""
    key = arguments.status_key or "default"
    for row in ledger.pages("/v1/prompts", agent=arguments.agent, status_key=key):
        return str(row["name"])
    raise Refused(f"Agent '{arguments.agent}' has no prompt for status key '{key}'.")


def content_of(served: dict[str, Any]) -> str:
    """The text, or a chat's messages as JSON; of a filled prompt as well."""
    if "messages" in served:
        return json.dumps(served["messages"], ensure_ascii=False, indent=2)
    return str(served["text"] if "text" in served else served["template_source"])
