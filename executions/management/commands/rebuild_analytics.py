"""`manage.py rebuild_analytics`: make the rollups anew, and say what was wrong with them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from executions.analytics import folding

SHOWN = 20


class Command(BaseCommand):
    help = "Compare the analytics' rollups with the executions, and make them anew."

    def add_arguments(self, parser: CommandParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--check", action="store_true", help="Compare only; ends with an error on a difference.")
        only.add_argument("--fold", action="store_true", help="Only add the executions that wait to the rollups.")

    def handle(self, *, check: bool, fold: bool, **options: Any) -> None:
        if fold:
            self.stdout.write(f"{_many(folding.fold_all(), 'execution')} added to the rollups.")
            return
        wrong = folding.differences()
        for line in wrong[:SHOWN]:
            self.stdout.write(line)
        if len(wrong) > SHOWN:
            self.stdout.write(f"… and {len(wrong) - SHOWN} more.")
        if not check:
            counted = folding.rebuild()
            self.stdout.write(f"Rollups made anew from {_many(counted, 'execution')}; {_many(len(wrong))} wrong.")
        elif wrong:
            be = "is" if len(wrong) == 1 else "are"
            raise CommandError(
                f"{_many(len(wrong), 'rollup')} {be} not what the executions add up to. Run rebuild_analytics."
            )
        else:
            self.stdout.write("The rollups are what the executions add up to.")


def _many(count: int, noun: str = "") -> str:
    if noun:
        return f"{count:,} {noun}{'' if count == 1 else 's'}"
    return f"{count:,} {'was' if count == 1 else 'were'}"
