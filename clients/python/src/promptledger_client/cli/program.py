"""The program: reads the command line, runs one command, and ends with its code; no traceback for what people do."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from promptledger_client.cli import connection, stops
from promptledger_client.cli.commands import check, diff, get, pull, push, register, render, status
from promptledger_client.cli.terminal import Terminal

COMMANDS = {
    "register": (register, "register the prompts of a source tree: code says what is live"),
    "check": (check, "exit 1 when code and ledger differ"),
    "pull": (pull, "write what is live to prompt files, or to a bundle"),
    "push": (push, "make drafts of prompt files; nothing goes live"),
    "diff": (diff, "what changed between versions, or between a file and the ledger"),
    "status": (status, "a table of prompts, what is live, and drafts"),
    "get": (get, "print the text that is served, exactly"),
    "render": (render, "print the text that is served, filled in"),
}
EPILOG = (
    "exit codes: 0 well, 1 drift or refused, 2 usage or bad input, 3 no server. "
    "The key comes from PROMPTLEDGER_API_KEY or --key-file, the address from PROMPTLEDGER_URL or --url."
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    made = argparse.ArgumentParser(
        prog="promptledger",
        description="Prompts between code and PromptLedger.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"promptledger {release()}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (command, what) in COMMANDS.items():
        one = commands.add_parser(name, help=what, description=command.__doc__, epilog=EPILOG, allow_abbrev=False)
        command.add_options(one)
        one.add_argument("--json", action="store_true", help="one JSON document instead of lines")
        one.add_argument("--url", help="address of the PromptLedger")
        one.add_argument("--key-file", metavar="FILE", help="file that holds the API key")
        one.set_defaults(run=command.run)
    return made


def release() -> str:
    """The version of the installed package."""
    try:
        return version("promptledger-client")
    except PackageNotFoundError:
        return "(not installed)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    as_json = False
    try:
        try:
            arguments = parser().parse_args(argv)
        except SystemExit as end:  # of argparse: help, or a usage error that it has said
            sys.stdout.flush()
            return int(end.code or 0)
        as_json = arguments.json
        terminal = Terminal(as_json=as_json)
        with connection.opened(arguments) as connect:
            code = int(arguments.run(arguments, connect, terminal))
        sys.stdout.flush()
    except stops.Stop as stop:
        return ended(stop, as_json)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted.\n")
        return stops.INTERRUPTED
    except BrokenPipeError:
        return quiet()
    return code


def ended(stop: stops.Stop, as_json: bool) -> int:
    """Say why a command ended: on standard error, and as JSON on standard output where that was asked for."""
    try:
        terminal = Terminal(as_json=as_json)
        for line in stop.errors:
            terminal.note(line)
        terminal.note(f"promptledger: {stop.detail}")
        terminal.json({"error": {"detail": stop.detail, "exit_code": stop.code, "errors": stop.errors, **stop.data}})
        sys.stdout.flush()
    except BrokenPipeError:
        return quiet()
    return stop.code


def quiet() -> int:
    """Who read the output has gone: say nothing more, not even when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return stops.PIPE_CLOSED
