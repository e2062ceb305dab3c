"""`manage.py rollback_prompt NAME --reason …`: the last good text is live again, as a new version (SPEC 2, S3-21)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common.errors import Refusal
from evaluations import undone
from repository.operators import acting
from versions.actions import perform
from versions.api.lookup import find_prompt, find_version
from versions.models import PromptVersion
from versions.seen import Seen
from versions.stages import Stage


class Command(BaseCommand):
    help = "Bring a retired text back to production, as a new version: one transaction, one ledger entry."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="of the prompt")
        parser.add_argument("--to", help="the retired version; without: the newest that was not rolled back itself")
        parser.add_argument("--reason", required=True, help="why, for the ledger")
        parser.add_argument("--user", help="in whose name, under their permissions; without: the program's own")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            by = acting("rollback_prompt", options["user"])
            version = self._version(options["name"], options["to"])
            after = perform("rollback", version, by=by, seen=Seen(), reason=options["reason"])
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} ({refusal.code})") from refusal
        self.stdout.write(f"{options['name']} {after.label} is in {after.stage}, with the text of {version.label}.")

    def _version(self, name: str, reference: str | None) -> PromptVersion:
        if reference:
            return find_version(name, reference)
        prompt = find_prompt(name)
        retired = prompt.versions.select_related("prompt").filter(stage=Stage.RET)
        # Not what was rolled back itself: a script that runs twice would bring the bad text live again.
        good = retired.exclude(content_hash__in=undone.texts(prompt))
        version = good.order_by("-retired_at", "-version").first()
        if version is None:
            said = " that was not rolled back itself; --to names one all the same" if retired.exists() else ""
            raise CommandError(f"'{name}' has no retired version to roll back to{said}.")
        return version
