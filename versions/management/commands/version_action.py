"""`manage.py version_action promote NAME v2.3 --from TST --user anna`: a button, pressed from a shell."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import Person
from common.errors import Refusal
from versions.actions import ACTIONS, perform
from versions.api.lookup import find_version
from versions.models import PromptVersion
from versions.seen import Seen
from versions.stages import PROMOTIONS, Stage

# The presses that need no more than a word; edit and test have the API.
PRESSES = [name for name in ACTIONS if name not in ("edit", "test")]


class Command(BaseCommand):
    help = "Do to a version what its buttons do, as a user, under the same rules."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=PRESSES)
        parser.add_argument("prompt")
        parser.add_argument("version", help="v2.3, 2.3 or the integer")
        parser.add_argument(
            "--from", dest="seen", required=True, choices=Stage.values, help="the stage you believe it is in"
        )
        parser.add_argument("--to", default="", choices=Stage.values, help="for promote; the next stage if not said")
        parser.add_argument("--user", required=True, help="in whose name")
        parser.add_argument("--reason", default="", help="for promote and rollback")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"There is no user '{options['user']}'.")
        data: dict[str, Any] = {}
        if options["action"] in ("promote", "rollback"):
            data["reason"] = options["reason"]
        if options["action"] == "promote":
            data["to"] = options["to"] or PROMOTIONS.get(options["seen"], "")
        try:
            version = find_version(options["prompt"], options["version"])
            seen = Seen(stage=options["seen"])
            after = perform(options["action"], version, by=Person.of(user), seen=seen, **data)
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} ({refusal.code})") from refusal
        if isinstance(after, PromptVersion):
            self.stdout.write(f"{after.prompt.name} {after.label} is in {after.stage}.")
        else:
            self.stdout.write(f"{options['prompt']} {version.label}: done.")
