"""`python -m deploy.prompts`: what workflows ask of the ledger, over its API (docs/automation.md).

    promote DIR --commit SHA   what DIR/02-production says goes live, as far as the gate lets it; once a commit
    scores                     evaluate what is live; 1 when anything is below its threshold
    record DIR                 DIR/prompt_registry.yaml and DIR/04-evals, as the ledger has them now

PROMPTLEDGER_URL and PROMPTLEDGER_API_KEY say where, and as whom. Exit codes: 0 well; 1 blocked, or below the threshold;
2 the files or the settings cannot be used, nothing was sent; 3 no ledger, or it could not be judged.
"""

import argparse
import os
import re
import sys
from enum import IntEnum
from pathlib import Path

from deploy.prompts.ledger import Ledger, NoLedger, Refused
from deploy.prompts.scores import SECONDS, Judge, Verdict

COMMIT = re.compile(r"[0-9a-f]{7,64}")


class Exit(IntEnum):
    """How the program ends."""

    WELL = 0
    BLOCKED = 1
    UNUSABLE = 2
    UNKNOWN = 3


def arguments() -> argparse.ArgumentParser:
    """What can be asked."""
    first, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m deploy.prompts",
        description=first,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    promote = commands.add_parser("promote")
    promote.add_argument("--commit", required=True)
    for command in (promote, commands.add_parser("record")):
        command.add_argument("dir", type=Path)
    for command in (promote, commands.add_parser("scores")):
        command.add_argument("--seconds", type=float, default=SECONDS, help="for each evaluation; default 1800")
    return parser


def main(given: list[str] | None = None) -> int:
    """Do what the command line asks for; return the exit code."""
    asked = arguments().parse_args(given)
    try:
        ledger = Ledger.of_environment()
    except NoLedger as error:
        return complain(str(error), Exit.UNUSABLE)
    try:
        if asked.command == "promote":
            return promote(ledger, asked)
        if asked.command == "scores":
            return scores(ledger, asked.seconds)
        return record(ledger, asked.dir)
    except (NoLedger, Refused) as error:
        return complain(str(error), Exit.UNKNOWN)


def promote(ledger: Ledger, asked: argparse.Namespace) -> int:
    """Promote what a tree wants live. Raises NoLedger, Refused."""
    from deploy.prompts.promotion import BadTree, Promotions

    if not COMMIT.fullmatch(asked.commit):
        return complain(f"'{asked.commit}' is no commit.", Exit.UNUSABLE)
    if not asked.dir.is_dir():
        return complain(f"There is no folder {asked.dir}.", Exit.UNUSABLE)
    try:
        blocked = Promotions(ledger, asked.commit, say, Judge(ledger, say, asked.seconds)).promote(asked.dir)
    except BadTree as error:
        return complain(str(error), Exit.UNUSABLE)
    for line in blocked:
        complain(line, Exit.BLOCKED)
    return Exit.BLOCKED if blocked else Exit.WELL


def record(ledger: Ledger, tree: Path) -> int:
    """Write the registry and the evaluations. Raises NoLedger, Refused."""
    from common.errors import BadInput
    from deploy.prompts.record import OddPath, record

    try:
        changed = record(ledger, tree)
    except OddPath as error:
        return complain(str(error), Exit.UNKNOWN)
    except BadInput as error:
        return complain(error.detail, Exit.UNUSABLE)
    say("\n".join(changed) or "The files say what the ledger says.")
    return Exit.WELL


def scores(ledger: Ledger, seconds: float) -> int:
    """Evaluate what is live. Raises NoLedger, Refused."""
    code = Exit.WELL
    for name, verdict, said in Judge(ledger, say, seconds).live():
        if verdict is Verdict.FAIL:
            code = complain(f"{name}: {said}", Exit.BLOCKED)
        elif verdict is Verdict.NONE:
            complain(f"{name}: {said}", Exit.UNKNOWN)
            code = code or Exit.UNKNOWN
    return code


def say(text: str) -> None:
    """A line for the log of the run."""
    print(text, flush=True)


def complain(text: str, code: Exit) -> Exit:
    """Say what is wrong; on GitHub as an annotation, so that it stands on the page of the run."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::error::{escaped}", flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
