"""`manage.py load_demo`: believable prompts with four months of history, made by the legal moves only."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.actors import Person
from accounts.local import local_user
from ledger.actors import Actor, system
from promptledger.demo import dispatch, evaluated, parts, support, usage
from promptledger.demo.timeline import play
from versions.models import Prompt, PromptVersion

AGENTS = (support.AGENT, *parts.AGENTS, dispatch.AGENT)
STORIES = (*support.STORIES, *parts.STORIES, *dispatch.STORIES)
ROLES = ("engineer", "manager")


def people() -> dict[str, Actor]:
    """Who acts in the demo: the local people in local mode, elsewhere names only, no accounts; and a deployment."""
    deployment: dict[str, Actor] = {"deployment": system("deployment")}
    if settings.LOCAL_MODE:
        return deployment | {role: Person.of(local_user(role)) for role in ROLES}
    return deployment | {role: Actor(name=f"demo {role}", kind="system") for role in ROLES}


class Command(BaseCommand):
    help = "Load believable demo prompts with four months of history. Does nothing where they are already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help="Load them beside the prompts that this database already has.",
        )

    @transaction.atomic
    def handle(self, *, force: bool, **options: Any) -> None:
        there = set(Prompt.objects.values_list("name", flat=True))
        stories = [story for story in STORIES if story.name not in there]
        if not stories:
            self.stdout.write("The demo prompts are here already. Nothing to do.")
            return
        if there and not force:
            raise CommandError(
                f"This database already has {len(there)} prompts that are somebody's. "
                f"Nothing was loaded; --force loads the demo beside them."
            )
        now = timezone.now()
        actors = people()
        moves = play(AGENTS, stories, people=actors, today=now)
        runs = usage.load(now)
        scored = evaluated.load(by=actors["engineer"])
        versions = PromptVersion.objects.filter(prompt__name__in=[story.name for story in stories]).count()
        self.stdout.write(
            f"Loaded {len(stories)} demo prompts with {versions} versions, {moves} moves, {runs:,} runs, "
            f"{scored} evaluations."
        )
