"""Telling people: an alert is a line in the ledger and a notice on the pages, in the transaction of its cause.

settings.ALERT_RECEIVERS names, by dotted path, who else is told: each is called with the notice inside that
transaction, so that what it stores (a message to send) stands or falls with the alert.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from common.clock import database_now
from evaluations.models import EvaluationRun, Notice, NoticeKind, Proposal, Resolution
from ledger import chain
from ledger.actors import Actor, system
from versions.models import PromptVersion

BY = system("automation")
ACTIONS = {Proposal.NONE: "alerted", Proposal.PROMOTE: "promotion_proposed", Proposal.ROLL_BACK: "rollback_proposed"}


def give(
    version: PromptVersion, kind: str, text: str, *, run: EvaluationRun | None = None, proposal: str = "",
    target: PromptVersion | None = None, at: datetime | None = None,
) -> Notice:  # fmt: skip
    """Give a notice about a version, or return the open one of this kind: what is known already is not said again."""
    with transaction.atomic():
        prompt = version.prompt.locked()
        known = Notice.objects.filter(
            prompt=prompt, version_number=version.version, kind=kind, resolved_at=None
        ).first()
        if known is not None:
            return known
        row = Notice(
            prompt=prompt, version=version, version_number=version.version, label=version.label, kind=kind, text=text,
            run=run, proposal=proposal, content_hash=version.content_hash, target=target,
            **({"created_at": at} if at else {}),
        )  # fmt: skip
        row.save(force_insert=True)
        detail = {"notice": row.pk, "kind": kind}
        detail |= {"evaluation": str(run.pk)} if run else {}
        detail |= {"target": target.label} if target else {}
        entry = version.entry(ACTIONS[Proposal(proposal)], reason=text, detail=detail)
        chain.append(prompt, by=BY, entries=[entry], at=row.created_at)
        for path in settings.ALERT_RECEIVERS:
            import_string(path)(row)
    return row


def resolve(notice: Notice, how: str, *, by: Actor, reason: str = "", at: datetime | None = None) -> bool:
    """End a notice, with a line in the ledger; False, and nothing written, where it had its end already."""
    with transaction.atomic():
        prompt = notice.prompt.locked()
        moment = at or database_now()
        ended = Notice.objects.filter(pk=notice.pk, resolved_at=None).update(
            resolved_at=moment, resolved_by=by.name, resolution=how
        )
        if ended:
            detail = {"notice": notice.pk, "kind": notice.kind, "resolution": how}
            entry = prompt.entry(
                "notice_resolved", version=notice.version_number, label=notice.label, reason=reason, detail=detail
            )
            chain.append(prompt, by=by, entries=[entry], at=moment)
    return bool(ended)


def overtake(open_ones: Iterable[Notice], why: str, *, at: datetime | None = None) -> None:
    """Resolve the open notices that events have overtaken."""
    for notice in open_ones:
        resolve(notice, Resolution.OVERTAKEN, by=BY, reason=why, at=at)


def all_is_well(version: PromptVersion, kinds: Iterable[NoticeKind], why: str, *, at: datetime | None = None) -> None:
    """Resolve what was said of a version and is so no more."""
    said = Notice.objects.select_related("prompt").filter(
        prompt=version.prompt_id, version_number=version.version, kind__in=list(kinds), resolved_at=None
    )
    overtake(said, why, at=at)
