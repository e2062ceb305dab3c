"""`manage.py import_system_prompts`: moves the texts of a column `agents.system_prompt` into the ledger (S4-33)."""

from argparse import RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction
from tqdm import tqdm

from common.errors import Refusal
from ledger.actors import system
from repository.legacy.files import from_file
from repository.legacy.plans import BLANK, DIFFERS, MIGRATED, UNCHANGED, Step, missing, plan
from repository.legacy.rows import Legacy, Row, checked
from repository.legacy.tables import from_table
from repository.legacy.writing import write

OUTCOMES = (MIGRATED, UNCHANGED, DIFFERS, BLANK)


class Command(BaseCommand):
    help = """Move legacy system prompts into the ledger: for each agent v1.0 of its prompt "default", in production.

1. --dry-run   says what would be done and writes nothing
2. the run     writes all of it, or nothing; a second run changes nothing
3. --verify    fails while a legacy text is not in the ledger; only then drop the old column"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """With the help as it is written."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--database-url", help="sqlite:////data/app.sqlite3 or postgresql://user@host:5432/database"
        )
        source.add_argument("--file", type=Path, help="a .csv file with a line of names at its top, or a .jsonl file")
        parser.add_argument("--table", default="agents", help="of --database-url; schema.table on PostgreSQL (agents)")
        parser.add_argument("--name-column", default="name", help="whose prompt it is: unique (name)")
        parser.add_argument("--text-column", default="system_prompt", help="what it says (system_prompt)")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--dry-run", action="store_true", help="print the same, write nothing")
        how.add_argument("--verify", action="store_true", help="write nothing; fail while a legacy text is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = checked(self._rows(options), options["name_column"], options["text_column"])
            if options["verify"]:
                self._verify(rows)
            else:
                self._move(rows, self._source(options), options["dry_run"])
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        except IntegrityError as error:
            raise CommandError(
                "Somebody made one of these agents or prompts at the same time. Nothing was written: run it again."
            ) from error

    def _rows(self, options: dict[str, Any]) -> Iterator[Row]:
        columns = options["name_column"], options["text_column"]
        if options["file"]:
            rows = from_file(options["file"], *columns)
        else:
            rows = from_table(options["database_url"], options["table"], *columns)
        yield from tqdm(rows, desc="read", unit="rows", disable=None, leave=False, mininterval=0.5)

    def _source(self, options: dict[str, Any]) -> str:
        column = options["text_column"]
        return f"{column} of {options['file'].name}" if options["file"] else f"{options['table']}.{column}"

    def _move(self, rows: list[Legacy], source: str, dry_run: bool) -> None:
        with transaction.atomic():
            with self._bar(len(rows), "look up") as bar:
                steps = plan(rows, seen=bar.update)
            if not dry_run:
                with self._bar(sum(step.outcome == MIGRATED for step in steps), "write") as bar:
                    write(steps, by=system("import_system_prompts"), source=source, done=bar.update)
        self._say(steps)
        if dry_run:
            self.stderr.write("Dry run: nothing was written.")

    def _say(self, steps: list[Step]) -> None:
        for step in steps:
            self.stdout.write(str(step))
        counts = Counter(step.outcome for step in steps)
        said = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES)
        self.stdout.write(f"{_counted(len(steps))}: {said}.")

    def _verify(self, rows: list[Legacy]) -> None:
        texts = [legacy for legacy in rows if legacy.text]
        with self._bar(len(texts), "verify") as bar:
            found = list(missing(texts, seen=bar.update))
        for said in found:
            self.stdout.write(f"missing: {said}")
        if found:
            raise CommandError(
                f"{len(found)} of {_counted(len(texts))} with a text are not in production. Keep the old column."
            )
        self.stdout.write(
            f"{_counted(len(texts))} with a text: all are in the ledger, each agent has one in production."
        )

    def _bar(self, total: int, said: str) -> Any:
        # None: the bar shows itself on a terminal only.
        return tqdm(total=total, desc=said, unit="prompts", disable=None, leave=False, mininterval=0.5)


def _counted(number: int) -> str:
    return "1 legacy prompt" if number == 1 else f"{number} legacy prompts"
