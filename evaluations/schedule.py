"""Scheduled evaluation of what is live: every `schedule_hours` of a policy, by any worker, once (SPEC 7)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models.functions import Cast

from common.clock import database_now
from common.errors import Refusal
from evaluations import alerts, datasets, starting, switch
from evaluations.alerts import BY
from evaluations.models import EvaluationRun, NoticeKind, RunStatus
from evaluations.pace import Pace
from evaluations.policy import Policy
from versions.models import Prompt

AHEAD = timedelta(minutes=5)  # of what another worker has queued since the caller looked at the clock
pace = Pace()


def work() -> int:
    """What a worker does: queue what fell due. Returns how many runs that were."""
    return len(list(queue_due(database_now()))) if pace.due() and switch.on() else 0


def queue_due(at: datetime) -> Iterator[EvaluationRun]:
    """Queue a run of each live version whose last one, on these examples, is older than its schedule; yield it."""
    for prompt in with_policy("schedule_hours"):
        if run := _queue(prompt, at):
            yield run


def with_policy(*keys: str) -> Iterator[Prompt]:
    """The prompts that are not archived and whose policy sets one of these keys."""
    said = models.Q()
    for key in keys:
        said |= models.Q(said__contains=f'"{key}":')
    # The stored form: a lookup of the field itself would look for JSON.
    rows = Prompt.objects.annotate(said=Cast("evaluation", models.TextField()))
    yield from rows.filter(said, archived_at=None).order_by("pk").iterator(chunk_size=200)


def _queue(prompt: Prompt, at: datetime) -> EvaluationRun | None:
    hours = Policy.of(prompt).schedule_hours
    if hours is None or not _is_due(prompt, hours, at):  # without the lock
        return None
    with transaction.atomic():
        prompt = prompt.locked()
        live = prompt.production
        if live is None or not _is_due(prompt, hours, at):
            return None
        live.prompt = prompt
        try:
            with transaction.atomic():
                return starting.start(live, by=BY)
        except Refusal as why:
            text = f"{live.label}, which is live, was not evaluated as scheduled: {why.detail}"
            alerts.give(live, NoticeKind.NOT_EVALUATED, text, at=at)
            return None


def _is_due(prompt: Prompt, hours: int, at: datetime) -> bool:
    live, dataset = prompt.production, datasets.current(prompt)
    if live is None or dataset is None or not dataset.count:
        return False
    # What is dated far ahead of now was made while a clock was wrong: it must not hold the schedule until then.
    since, until = at - timedelta(hours=hours), at + AHEAD
    runs = EvaluationRun.objects.filter(prompt=prompt, version=live, dataset=dataset, environment=live.environment)
    if runs.filter(created_at__gt=since, created_at__lte=until).exclude(status=RunStatus.CANCELED).exists():
        return False
    # What was refused is tried again when it is due again, not at every look.
    refused = live.notices.filter(kind=NoticeKind.NOT_EVALUATED, created_at__gt=since, created_at__lte=until)
    return not refused.exists()
