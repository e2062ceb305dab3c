"""`manage.py eval_runner DIR`: scores a tree, writes 04-evals, fails below the threshold (S3-10, S3-17)."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.errors import Refusal
from evaluations.gates import figure
from repository.files import layout
from repository.files.tree import Tree, is_tree, read_tree
from repository.files.writing import put
from repository.recorded import Book
from repository.scoring import Scored, asker, score, tasks
from repository.steps import BadTree

FAILING = 5  # examples of a task that are shown
SHOWN = 120  # characters of each
UNUSABLE = 2


class Command(BaseCommand):
    help = """Score the newest draft of each prompt that has examples, or what is live; log to 04-evals/.

Exit code 0: every score reaches its threshold; 1: one does not; 2: it could not be scored."""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dir", type=Path, help="the tree's folder")
        parser.add_argument("--task", help="only this prompt, by name")
        parser.add_argument(
            "--fail-under", type=float, metavar="X", help="ask this of every task, beside its threshold"
        )
        parser.add_argument("--production", action="store_true", help="score what is live, not the newest draft")
        parser.add_argument(
            "--provider", help="who answers: offline, openai …; without: the policy's, or the version's"
        )
        parser.add_argument("--answers", type=Path, metavar="FILE", help="recorded answers (JSON lines): no network")
        parser.add_argument("--record", action="store_true", help="ask the provider for what FILE lacks, and keep it")
        parser.add_argument("--dry-run", action="store_true", help="score, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        root: Path = options["dir"]
        if not root.is_dir() or not is_tree(root):
            raise CommandError(f"{root} is no tree of prompt files: it has none of their folders.", returncode=UNUSABLE)
        if options["fail_under"] is not None and not 0 <= options["fail_under"] <= 1:
            raise CommandError("--fail-under is a number from 0 to 1.", returncode=UNUSABLE)
        if options["record"] and not options["answers"]:
            raise CommandError("--record needs --answers FILE to keep them in.", returncode=UNUSABLE)
        try:
            scored = self._score(root, options)
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=UNUSABLE) from refusal
        for one in scored:
            self._say(one)
        failed = [one.task.name for one in scored if not one.passed]
        if failed:
            raise CommandError(f"{len(failed)} of {len(scored)} tasks are not good enough: {', '.join(failed)}.")
        self.stdout.write(f"{len(scored)} tasks: all are good enough.")

    def _score(self, root: Path, options: dict[str, Any]) -> list[Scored]:
        with tqdm(desc="read", unit="files", disable=None, leave=False, mininterval=0.5) as bar:
            tree = read_tree(root, seen=bar.update)
        blocking = [problem for problem in tree.problems if problem.rule.blocks]
        if blocking:
            raise BadTree(blocking)
        found = tasks(tree, only=options["task"], production=options["production"])
        book = Book(options["answers"], must_exist=not options["record"]) if options["answers"] else None
        ask = asker(provider=options["provider"], book=book, record=options["record"])
        total = sum(len(task.items) * task.policy.repeat for task in found)
        # None: the bar shows itself on a terminal only.
        with tqdm(total=total, desc="score", unit="answers", disable=None, leave=False, mininterval=0.5) as bar:
            scored = [score(task, tree, ask, fail_under=options["fail_under"], seen=bar.update) for task in found]
        if book is not None and book.changed:
            put(options["answers"], book.source())
        if not options["dry_run"]:
            self._write(root, tree, scored)
        return scored

    def _write(self, root: Path, tree: Tree, scored: list[Scored]) -> None:
        for one in scored:
            path = layout.evaluation_path(tree.stems[one.task.name], one.task.label)
            put(root / path, one.result.source(), below=root)

    def _say(self, one: Scored) -> None:
        result = one.result
        total = "no score" if result.score is None else figure(result.score)
        asked = "no threshold" if one.required is None else f"threshold {figure(one.required)}"
        said = "pass" if one.passed else "FAIL"
        counts = f"{result.examples} examples, {result.errors} errors"
        self.stdout.write(f"{said}  {one.task.name} {one.task.label}: {total}, {asked} ({counts}, {result.provider})")
        if one.passed:
            return
        worst = [row for row in result.rows if not row.get("passed")]
        for row in worst[:FAILING]:
            what = row.get("error") or f"answered {row.get('actual', '')[:SHOWN]!r}"
            self.stdout.write(f"      {row['id']}: {what}")
        if len(worst) > FAILING:
            self.stdout.write(f"      … and {len(worst) - FAILING:,} more")
