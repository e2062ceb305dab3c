"""`manage.py automation off --user anna --reason …`: the kill switch, from a shell. Works at once, everywhere."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actors import Person
from common.errors import Refusal
from evaluations import switch


class Command(BaseCommand):
    help = "Say whether the program may promote, roll back and evaluate by itself, or switch that on or off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=("status", "on", "off"))
        parser.add_argument("--user", default="", help="in whose name; for on and off")
        parser.add_argument("--reason", default="", help="for the ledger")

    def handle(self, *args: Any, what: str, user: str, reason: str, **options: Any) -> None:
        if what != "status":
            self.turn(what == "on", user, reason)
        self.stdout.write(f"Automation is {'on' if switch.on() else 'off'}.")

    def turn(self, to: bool, name: str, reason: str) -> None:
        """Switch it, in somebody's name."""
        if not name:
            raise CommandError("Say in whose name: --user NAME.")
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no user '{name}'.")
        by = Person.of(user)
        try:
            by.require(switch.PERMISSION)
            switch.turn(to, by=by, reason=reason)
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} ({refusal.code})") from refusal
