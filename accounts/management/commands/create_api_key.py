"""`manage.py create_api_key USERNAME --scopes read,run`: prints a new key, once."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import roles
from accounts.models import ApiKey
from ledger.actors import system


class Command(BaseCommand):
    help = (
        "Make an API key that acts as a user, narrowed by scopes. The key goes to standard output, all else to stderr."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--scopes", default="read", help=f"comma-separated, of: {', '.join(roles.SCOPES)}")
        parser.add_argument("--name", default="command line", help="what the list of keys calls it")
        parser.add_argument("--expires-days", type=int, default=None, help="days until it expires (default: never)")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            known = ", ".join(User.objects.order_by("username").values_list("username", flat=True)[:20]) or "none yet"
            raise CommandError(
                f"There is no user '{options['username']}'. Users: {known}. Make one with `manage.py createsuperuser` "
                f"or in the admin."
            )
        if not user.is_active:
            raise CommandError(f"The account '{user}' is switched off, and so would its keys be.")
        days = options["expires_days"]
        try:
            row, key = ApiKey.issue(
                user=user,
                by=system("create_api_key"),
                name=options["name"],
                scopes=[scope.strip() for scope in options["scopes"].split(",") if scope.strip()],
                expires_at=timezone.now() + timedelta(days=days) if days is not None else None,
            )
        except (ValidationError, OverflowError) as error:
            said = "; ".join(getattr(error, "messages", [str(error)]))
            raise CommandError(said) from error
        self.stderr.write(f"{row.name}: acts as {user}, scopes {', '.join(row.scopes)}. It is shown this once:")
        self.stdout.write(key)
