"""What a person does about a notice: approve what it proposes, under the rules of the button, or dismiss it."""

from typing import Any

from django.db import transaction

from accounts.actors import Person
from common.errors import BadInput, Conflict, NotFound
from evaluations import alerts
from evaluations.models import Notice, Proposal, Resolution
from versions import content
from versions.actions import perform
from versions.models import PromptVersion
from versions.seen import Seen
from versions.stages import Stage

DISMISS = "evaluations.resolve_notice"
# What approving takes: the permission of the button that it presses.
PERMISSIONS = {Proposal.PROMOTE: "versions.promote_to_prd", Proposal.ROLL_BACK: "versions.rollback_promptversion"}


def find(pk: int) -> Notice:
    """The notice, or NotFound."""
    found = Notice.objects.select_related("prompt", "version", "target").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such notice.")
    return found


def dismiss(notice: Notice, *, by: Person, reason: str = "") -> None:
    """Take note and be done with it. Raises Forbidden, or Conflict where it has its end already."""
    by.require(DISMISS)
    if not alerts.resolve(notice, Resolution.DISMISSED, by=by, reason=content.check_message(reason, "reason")):
        raise _ended(notice)


def approve(notice: Notice, *, by: Person) -> PromptVersion:
    """Do what was proposed, as this person, and return what is live then.

    Raises Conflict where it was resolved or things have moved on since, and whatever the button raises; then nothing
    was changed.
    """
    if not notice.proposal:
        raise BadInput("This notice proposes nothing.", code="no_proposal")
    with transaction.atomic():
        notice.prompt.locked()
        if not alerts.resolve(notice, Resolution.APPROVED, by=by):
            raise _ended(notice)
        return _press(notice, by)


def _press(notice: Notice, by: Person) -> PromptVersion:
    version = _found(notice.version_id)
    if notice.proposal == Proposal.PROMOTE:
        if version is None or version.content_hash != notice.content_hash:
            raise _moved_on(notice)
        return perform("promote", version, by=by, seen=Seen(Stage.TST), to=Stage.PRD, reason=notice.text)
    target = _found(notice.target_id)
    if version is None or target is None or not version.is_active:
        raise _moved_on(notice)
    return perform("rollback", target, by=by, seen=Seen(Stage.RET), reason=notice.text)


def _found(pk: Any) -> PromptVersion | None:
    return PromptVersion.objects.select_related("prompt").filter(pk=pk).first()


def _moved_on(notice: Notice) -> Conflict:
    return Conflict(f"Things have moved on since {notice.label} was spoken of: look at it again.", code="stale")


def _ended(notice: Notice) -> Conflict:
    now = find(notice.pk)
    return Conflict(f"This notice was resolved by {now.resolved_by} already.", code="resolved")
