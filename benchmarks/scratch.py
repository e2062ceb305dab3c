"""A database of its own for a benchmark, and many versions in it quickly, under the same guards as everywhere."""

import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROUNDS = 20  # versions of a prompt; each is created, promoted and promoted: three events


def prepare() -> None:
    """Set Django up on the database of DATABASE_URL, or on a new SQLite file; refuse one that holds prompts already."""
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = f"sqlite:///{Path(tempfile.mkdtemp()) / 'benchmark.sqlite3'}"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "promptledger.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from versions.models import Prompt

    if Prompt.objects.exists():
        sys.exit("This database holds prompts. A benchmark wants an empty one: set DATABASE_URL.")


def fill(events: int) -> int:
    """Write about so many events: prompts whose versions went to production one after the other. Returns how many."""
    from django.db import transaction

    from ledger.models import LedgerEvent

    prompts = max(1, events // (ROUNDS * 3))
    for start in range(0, prompts, 500):
        with transaction.atomic():
            _fill(range(start, min(start + 500, prompts)))
    return LedgerEvent.objects.count()


def fill_live(numbers: range) -> None:
    """Prompts of 2 KB with one version each, which is live: what serving is measured on. Without a ledger."""
    from django.db import transaction

    from versions.models import Prompt, PromptVersion

    moment = datetime(2026, 1, 1, 9, 30, 0, 123456, tzinfo=UTC)
    for start in range(numbers.start, numbers.stop, 1_000):
        with transaction.atomic():
            few = range(start, min(start + 1_000, numbers.stop))
            prompts = Prompt.objects.bulk_create([Prompt(name=f"benchmark-{number}") for number in few])
            drafts = [_draft(prompt, 1, moment) for prompt in prompts]
            for draft in drafts:
                draft.say(draft.template_source * 6, draft.config)
            PromptVersion.objects.bulk_create(drafts)
            here = PromptVersion.objects.filter(prompt__in=[prompt.pk for prompt in prompts])
            here.update(stage="TST")
            here.update(stage="PRD", deployed_at=moment)


def _fill(numbers: range) -> None:
    from ledger import chain
    from ledger.actors import system
    from ledger.models import LedgerEvent
    from versions.models import Prompt, PromptVersion

    started = datetime(2026, 1, 1, 9, 30, 0, 123456, tzinfo=UTC)
    prompts = Prompt.objects.bulk_create([Prompt(name=f"benchmark-{number}") for number in numbers])
    by, pks = system("benchmark"), [prompt.pk for prompt in prompts]
    for number in range(1, ROUNDS + 1):
        moment = started + timedelta(days=number)
        made = [_draft(prompt, number, moment) for prompt in prompts]
        PromptVersion.objects.bulk_create(made)
        events = [
            event
            for prompt, version in zip(prompts, made, strict=True)
            for event in chain.link(prompt, by=by, entries=_life(version), at=moment)
        ]
        LedgerEvent.objects.bulk_create(events, batch_size=2_000)
        here = PromptVersion.objects.filter(prompt__in=pks)
        here.filter(version=number).update(stage="TST")
        here.filter(version=number - 1).update(stage="RET", retired_at=moment)
        here.filter(version=number).update(stage="PRD", deployed_at=moment)
    Prompt.objects.bulk_update(prompts, ["ledger_length", "ledger_head", "highest_version", "highest_minor",
                                         "highest_major"], batch_size=100)  # fmt: skip


def _draft(prompt: Any, number: int, moment: datetime) -> Any:
    from versions.models import PromptVersion

    version = PromptVersion(
        prompt=prompt, version=number, major=1, minor=number - 1, created_by="benchmark", created_at=moment,
        updated_at=moment,
    )  # fmt: skip
    version.say(f"You are helpful. Question {number} of {prompt.name}: {{{{ question }}}}\n" * 5, {"temperature": 0.2})
    prompt.highest_version, prompt.highest_major, prompt.highest_minor = number, 1, number - 1
    return version


def _life(version: Any) -> list[Any]:
    same = version.content_hash
    before = version.version - 1 or None
    return [
        version.entry("created", to_stage="DEV", after_hash=same),
        version.entry("promoted", from_stage="DEV", to_stage="TST", before_hash=same, after_hash=same),
        version.entry("promoted", from_stage="TST", to_stage="PRD", before_hash=same, after_hash=same, replaced=before,
                      detail={"replaced": f"v1.{before - 1}"} if before else {}),
    ]  # fmt: skip
