"""`manage.py export_prompts DIR`: the ledger as files; the same ledger gives the same bytes (SPEC 8)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.errors import Refusal
from ledger.verify import one_moment
from repository import exporting
from repository.files.tree import Tree, read_tree
from repository.files.writing import Changes, check_target, compare, write
from versions.models import Prompt

SHOWN = 200


class Command(BaseCommand):
    help = "Write every prompt, its versions, examples, results and the registry to a folder of files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", type=Path, help="the tree's folder; made if it is not there")
        parser.add_argument("--check", action="store_true", help="write nothing; fail when files and ledger differ")
        parser.add_argument("--force", action="store_true", help="write over texts that were never imported, too")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["dir"]
        try:
            check_target(root, force=options["force"])
            there = read_tree(root) if root.is_dir() else Tree(root)
            with one_moment():
                with self._bar(Prompt.objects.count(), "export", "prompts") as bar:
                    files = exporting.export(seen=bar.update)
                names = set(Prompt.objects.values_list("name", flat=True))
                lost = [] if options["check"] or options["force"] else exporting.unimported(there)
            changes = compare(root, files, there, names)
            if not options["check"] and not options["force"]:
                # What cannot be read may be an hour of somebody's work.
                broken = {one.path for one in there.problems if one.rule.blocks}
                lost += sorted(broken & {*changes.new, *changes.changed, *changes.gone} - set(lost))
            if options["check"]:
                self._check(root, changes)
                return
            if lost:
                said = "the ledger never had this text. Import it first, or say --force to lose it."
                raise CommandError(f"{', '.join(lost[:10])}: {said}")
            total = len(changes.new) + len(changes.changed) + len(changes.gone)
            with self._bar(total, "write", "files") as bar:
                write(root, files, changes, seen=bar.update)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self._say(changes)
        self.stdout.write(f"{len(names)} prompts in {len(files)} files: {_counted(changes)}.")

    def _check(self, root: Path, changes: Changes) -> None:
        self._say(changes)
        if changes or changes.strange:
            said = "export_prompts without --check writes what the ledger has."
            raise CommandError(f"{root} and the ledger differ: {_counted(changes)}. {said}")
        self.stdout.write(f"{root} says what the ledger has.")

    def _say(self, changes: Changes) -> None:
        lines = changes.lines()
        for line in lines[:SHOWN]:
            self.stdout.write(line)
        if len(lines) > SHOWN:
            self.stdout.write(f"… and {len(lines) - SHOWN:,} more")

    def _bar(self, total: int, said: str, unit: str) -> Any:
        # None: the bar shows itself on a terminal only.
        return tqdm(total=total, desc=said, unit=unit, disable=None, leave=False, mininterval=0.5)


def _counted(changes: Changes) -> str:
    strange = f", {len(changes.strange)} that were never imported" if changes.strange else ""
    return f"{len(changes.new)} new, {len(changes.changed)} changed, {len(changes.gone)} gone{strange}"
