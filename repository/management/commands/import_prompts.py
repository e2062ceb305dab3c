"""`manage.py import_prompts DIR`: shows what the files would change, then does it through the lifecycle (SPEC 8)."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.errors import Refusal
from repository.applying import apply
from repository.files.tree import is_tree, read_tree
from repository.plans import plan
from repository.steps import Plan

SHOWN = 200
NOTE_LENGTH = 200


class Command(BaseCommand):
    help = """Bring the ledger to what a tree of prompt files says: drafts, descriptions, examples, promotions.

Nothing goes live but through the gate. A changed text of a version in PRD or RET is an error."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", type=Path, help="the tree's folder")
        parser.add_argument("--dry-run", action="store_true", help="show the plan, write nothing")
        history = parser.add_mutually_exclusive_group()
        history.add_argument(
            "--history", action="store_true", default=None,
            help="take over numbers, dates and stages of prompts the ledger does not know (as into an empty ledger)",
        )  # fmt: skip
        history.add_argument(
            "--no-history", dest="history", action="store_false", help="make drafts of them, whatever the ledger has"
        )
        parser.add_argument("--no-evaluate", action="store_true", help="do not score what a gate asks a score of")
        parser.add_argument("--note", default="", help="why, for the ledger: the commit, for one")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["dir"]
        if not root.is_dir() or not is_tree(root):
            raise CommandError(
                f"{root} is no tree of prompt files: it has none of their folders (docs/prompt-files.md)."
            )
        if len(options["note"]) > NOTE_LENGTH:
            raise CommandError(f"--note is over {NOTE_LENGTH} characters.")
        try:
            with self._bar(None, "read", "files") as bar:
                tree = read_tree(root, seen=bar.update)
            with self._bar(len(tree.names), "plan", "prompts") as bar:
                found = plan(tree, history=options["history"], seen=bar.update)
            self._say(found)
            if options["dry_run"]:
                self.stderr.write("Dry run: nothing was written.")
                return
            with self._bar(len(found.steps), "import", "steps") as bar:
                outcome = apply(found, note=options["note"], evaluate=not options["no_evaluate"], done=bar.update)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        for name in outcome.released:
            self.stdout.write(f"live     {name}")
        if outcome.blocked:
            for said in outcome.blocked:
                self.stdout.write(f"blocked  {said}")
            raise CommandError(f"{len(outcome.blocked)} not promoted to production; everything else was imported.")

    def _say(self, found: Plan) -> None:
        for line in [str(step) for step in found.steps][:SHOWN]:
            self.stdout.write(line)
        if len(found.steps) > SHOWN:
            self.stdout.write(f"… and {len(found.steps) - SHOWN:,} more")
        for note in found.notes[:SHOWN]:
            self.stdout.write(f"as it is {note}")
        counts = Counter(step.do for step in found.steps)
        said = ", ".join(f"{count} {do}" for do, count in counts.items())
        self.stdout.write(f"{said}." if said else "Nothing to do: the ledger says what the files say.")

    def _bar(self, total: int | None, said: str, unit: str) -> Any:
        # None: the bar shows itself on a terminal only.
        return tqdm(total=total, desc=said, unit=unit, disable=None, leave=False, mininterval=0.5)
