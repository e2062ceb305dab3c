"""`manage.py verify_ledger`: walks every chain and every text; exit code 1 if anything was changed behind its back."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from ledger.models import LedgerEvent
from ledger.verify import Event
from versions.verifying import Replay, problems


class Counted(Replay):
    """A replay that moves a progress bar."""

    def __init__(self, bar: tqdm) -> None:
        super().__init__()
        self.bar = bar

    def see(self, event: Event) -> None:
        """Take one event in, and count it."""
        super().see(event)
        self.bar.update()


class Command(BaseCommand):
    help = "Check the hash chain of the ledger, every version against it, and every text against its hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        total = LedgerEvent.objects.count()
        # None: the bar shows itself on a terminal only.
        with tqdm(total=total, unit="events", disable=None, leave=False, mininterval=0.5) as bar:
            replay = Counted(bar)
            found = list(problems(replay))
        if options["json"]:
            said = [{"where": problem.where, "what": problem.what} for problem in found]
            self.stdout.write(json.dumps({"events": replay.events, "problems": said}))
        else:
            for problem in found:
                self.stdout.write(str(problem))
        if found:
            problems_ = "1 problem" if len(found) == 1 else f"{len(found)} problems"
            raise CommandError(f"{problems_} in {replay.events} events.")
        if not options["json"]:
            self.stdout.write(f"{replay.events} events: every chain and every text is as it was written.")
