"""`manage.py promote_prompt NAME VERSION --to PRD`: the button, for scripts (S3-11, S3-28)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import Refusal
from repository.operators import acting
from versions.actions import perform
from versions.api.lookup import find_version
from versions.gates import GateFailed
from versions.seen import Seen
from versions.stages import PROMOTIONS


class Command(BaseCommand):
    help = "Promote a version one stage, past the same gate as everybody; --override goes past it, with a reason."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the prompt")
        parser.add_argument("version", help="v2.3, 2.3 or the integer")
        parser.add_argument("--to", required=True, choices=[str(stage) for stage in PROMOTIONS.values()])
        parser.add_argument("--override", action="store_true", help="go past the gate; takes --reason")
        parser.add_argument("--reason", default="", help="why, for the ledger")
        parser.add_argument("--user", help="in whose name, under their permissions; without: the program's own")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            by = acting("promote_prompt", options["user"])
            version = find_version(options["name"], options["version"])
            data = {"to": options["to"], "reason": options["reason"], "override": options["override"]}
            after = perform("promote", version, by=by, seen=Seen(), **data)
        except GateFailed as error:
            for condition in error.data["conditions"]:
                self.stdout.write(f"{'met    ' if condition['met'] else 'not met'}  {condition['detail']}")
            raise CommandError(f"{version.label} stays in {version.stage}: the gate did not let it through.") from error
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} ({refusal.code})") from refusal
        self.stdout.write(f"{options['name']} {after.label} is in {after.stage}.")
