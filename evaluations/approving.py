"""Approvals: others than the author say that a version may go to production (SPEC 7). Bound to what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model

from common.errors import Conflict
from evaluations.models import Approval
from ledger import chain
from versions import content
from versions.actions import ACTIONS, APPROVED_IN_TST, OWN_VERSION
from versions.gates import Condition, authors
from versions.models import PromptVersion
from versions.seen import Seen

PERMISSION = "versions.approve_promptversion"


def approve(version: PromptVersion, *, by: Any, seen: Seen, reason: str = "") -> PromptVersion:
    """Approve what this version says now. A second approval by the same person changes nothing.

    Raises LifecycleError or StaleView (409); Conflict `own_version` for one of its authors.
    """
    reason = content.check_message(reason, "reason")
    with version.unmoved(seen) as (prompt, fresh):
        if fresh.stage not in ACTIONS["approve"].on:  # looked at again, under the lock
            raise Conflict(APPROVED_IN_TST, code="wrong_stage", stage=fresh.stage)
        if by.name in authors(fresh):
            raise Conflict(OWN_VERSION, code="own_version")
        row, made = Approval.objects.get_or_create(
            prompt=prompt, version=fresh, content_hash=fresh.content_hash, approved_by=by.name,
            defaults={"user_id": by.user_id, "reason": reason, "created_at": fresh.read_at},
        )  # fmt: skip
        if made:
            entry = fresh.entry(
                "approved", from_stage=fresh.stage, to_stage=fresh.stage, reason=reason,
                before_hash=fresh.content_hash, after_hash=fresh.content_hash,
            )  # fmt: skip
            chain.append(prompt, by=by, entries=[entry], at=row.created_at)
            fresh.tell("approved", by)
            fresh.refresh_from_db(fields=["stage", "deployed_at"])  # it may have been what was waited for
    return fresh


@dataclass(frozen=True)
class Standing:
    """The approvals of what a version says now: those that count, those that do not any more, and who else may."""

    counting: list[Approval]
    void: list[Approval]
    asked: list[str]


def standing(version: PromptVersion) -> Standing:
    """Which approvals count: of what the version says now, by people who may approve now and had no hand in it."""
    wrote = authors(version)
    users = get_user_model().objects.with_perm(PERMISSION)
    may = {user.get_username() for user in users} - wrote
    given = list(Approval.objects.filter(version=version, content_hash=version.content_hash))
    counting = [row for row in given if row.approved_by in may]
    void = [row for row in given if row.approved_by not in may]
    return Standing(counting, void, sorted(may - {row.approved_by for row in counting}))


def conditions(version: PromptVersion, required: int) -> Iterator[Condition]:
    """Whether enough others have approved."""
    if not required:
        return
    now = standing(version)
    names = [row.approved_by for row in now.counting]
    met = len(names) >= required
    said = f"Approved by {', '.join(names)}." if names else "Nobody has approved it yet."
    if not met:
        said += _void(now) + f" It takes {required}, from others than {', '.join(sorted(authors(version)))}."
        said += f" {_who(now.asked)}."
    yield Condition("approvals", met, said, actual=len(names), required=required)


def _void(now: Standing) -> str:
    if not now.void:
        return ""
    names = ", ".join(row.approved_by for row in now.void)
    return f" What {names} approved does not count: they edited it since, or may not approve any more."


def _who(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"Asked: {shown}{' and others' if len(names) > 5 else ''}" if names else "Nobody else may: ask an admin"
