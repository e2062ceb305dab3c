"""The button matrix: one row a button (S0-22 to S0-25; SPEC 2).

Pages, API, admin, commands, the docs page and the tests read this table. Every person's action goes through `perform`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.module_loading import import_string

from common.errors import Forbidden, Refusal
from versions import gates
from versions.exceptions import LifecycleError, WrongMode
from versions.models import PromptVersion
from versions.models.transitions import ARCHIVED, DRAFTS_ONLY, NO_DELETE, NO_EDIT, RETIRED_ONLY
from versions.seen import Seen
from versions.stages import DELETABLE, EDITABLE, PROMOTIONS, Stage

EVERY_STAGE = frozenset(Stage)
OVERRIDE = "versions.override_gate"
OWN_VERSION = "You had a hand in this version: somebody else has to approve it."
APPROVED_IN_TST = "Only a version in TST is approved: before, it still changes; after, it is in production."


class Person(Protocol):
    """Who presses: an actor of the ledger who may or may not (accounts.actors.Person)."""

    @property
    def name(self) -> str: ...

    def may(self, permission: str) -> bool: ...


@dataclass(frozen=True)
class Action:
    """One button. `label` and `permission` may differ by stage; in `absent` stages it is not shown at all."""

    name: str
    label: str | dict[str, str]
    on: frozenset[str]
    permission: str | dict[str, str]
    method: str
    path: str
    page: str
    off_because: str | dict[str, str] = ""
    absent: frozenset[str] = field(default=frozenset())
    in_tracking: bool = False
    when_archived: bool = True
    confirm: frozenset[str] = field(default=frozenset())
    # A further reason to be off for this version and person, and whether the button does anything at all.
    also: "Callable[[PromptVersion, Person], Refusal | None]" = lambda version, person: None
    serves: "Callable[[PromptVersion], bool]" = lambda version: True

    def label_in(self, stage: str) -> str:
        """What the button says in this stage."""
        return self.label if isinstance(self.label, str) else self.label.get(stage, self.name.title())

    def permission_in(self, stage: str) -> str:
        """The permission that it takes in this stage, as "app.codename"."""
        return self.permission if isinstance(self.permission, str) else self.permission.get(stage, "")

    def off_in(self, stage: str) -> str:
        """Why it is off in this stage, where the table says so."""
        return self.off_because if isinstance(self.off_because, str) else self.off_because.get(stage, "")


# The five buttons, in the order of the pages. `path` is below /v1/prompts/{name}/versions/{v}.
MATRIX = (
    Action(
        "edit", "Edit", EDITABLE, "versions.edit_promptversion", "PATCH", "", "versions:edit",
        off_because=NO_EDIT, when_archived=False,
    ),
    Action("test", "Test", EVERY_STAGE, "versions.test_promptversion", "POST", "/test", "versions:test",
           in_tracking=True),
    Action(
        "promote",
        {stage: f"Promote to {target}" for stage, target in PROMOTIONS.items()},
        frozenset(PROMOTIONS),
        {Stage.DEV: "versions.promote_to_tst", Stage.TST: "versions.promote_to_prd"},
        "POST", "/promote", "versions:promote",
        absent=EVERY_STAGE - frozenset(PROMOTIONS),
        when_archived=False,
        confirm=frozenset({Stage.TST}),
    ),
    Action("create", "Create New Version", EVERY_STAGE, "versions.create_promptversion", "POST", "/create-new",
           "versions:create"),
    Action(
        "delete", "Delete", DELETABLE, "versions.delete_promptversion", "DELETE", "", "versions:delete",
        off_because=NO_DELETE, confirm=DELETABLE,
    ),
)  # fmt: skip


def own_version(version: PromptVersion, person: Person) -> Refusal | None:
    """Nobody approves what they had a hand in (SPEC 7)."""
    edited = version.revision > 1 and version.prompt.evaluation.get("required_approvals")  # lists ask nothing in vain
    if version.created_by == person.name or (edited and person.name in gates.authors(version)):
        return LifecycleError(OWN_VERSION, code="own_version", stage=version.stage)
    return None


# Further buttons, shown only where they do something.
MORE = (
    Action("evaluate", "Evaluate", EVERY_STAGE, "evaluations.run_evaluation", "POST", "/evaluate", "evaluations:start",
           in_tracking=True, confirm=EVERY_STAGE),
    Action("approve", "Approve", frozenset({Stage.TST}), "versions.approve_promptversion", "POST", "/approve",
           "versions:approve", absent=EVERY_STAGE - frozenset({Stage.TST}), off_because=APPROVED_IN_TST,
           when_archived=False, also=own_version,
           serves=lambda version: bool(version.prompt.evaluation.get("required_approvals"))),
    Action("archive", "Archive", EDITABLE, "versions.archive_promptversion", "POST", "/archive", "versions:archive",
           absent=EVERY_STAGE - EDITABLE, off_because=DRAFTS_ONLY, when_archived=False,
           serves=lambda version: version.archived_at is None),
    Action("unarchive", "Unarchive", EDITABLE, "versions.archive_promptversion", "POST", "/unarchive",
           "versions:unarchive", absent=EVERY_STAGE - EDITABLE,
           off_because=DRAFTS_ONLY, serves=lambda version: version.archived_at is not None),
    Action("rollback", "Roll back to this", frozenset({Stage.RET}), "versions.rollback_promptversion", "POST",
           "/rollback", "versions:rollback", absent=EVERY_STAGE - frozenset({Stage.RET}),
           off_because=RETIRED_ONLY, confirm=frozenset({Stage.RET})),
)  # fmt: skip

# Asked for by programs alone, under the rule of Promote to PRD (SPEC 4, S4-18): it has no button of its own.
SET_ACTIVE = Action(
    "set_active", "Set active", frozenset({Stage.TST, Stage.PRD}), "versions.promote_to_prd", "POST", "/set-active",
    "versions:promote", when_archived=False,
    off_because={
        Stage.DEV: "A draft in DEV cannot be set active. Promote it to TST first, then to PRD.",
        Stage.RET: "A retired version cannot be set active again. Roll back to it, or create a new version from it.",
    },
)  # fmt: skip

ACTIONS = {action.name: action for action in (*MATRIX, *MORE, SET_ACTIVE)}


def set_active(version: PromptVersion, *, by: Any, seen: Seen, reason: str = "") -> PromptVersion:
    """Make this version what agents get: nothing to do where it is, else Promote to PRD (SPEC 4)."""
    with transaction.atomic():
        version.prompt.locked()
        now = PromptVersion.objects.select_related("prompt").filter(pk=version.pk).first() or version
        seen.check(now)
        if said := SET_ACTIVE.off_in(now.stage):
            raise LifecycleError(said, stage=now.stage)
        return now if now.is_active else now.promote(by=by, to=Stage.PRD, seen=seen, reason=reason)


def promote(version: PromptVersion, *, by: Any, override: bool = False, **data: Any) -> PromptVersion:
    """Promote; going past a gate takes a permission of its own (SPEC 7)."""
    if override and not by.may(OVERRIDE):
        raise Forbidden("You are not allowed to override a gate. Ask a release manager.", permission=OVERRIDE)
    return version.promote(by=by, override=override, **data)


# What each press does. Running and approving are the business of higher apps: asked by name.
HANDLERS: dict[str, Callable[..., Any]] = {
    "edit": PromptVersion.edit,
    "test": lambda version, **data: import_string(settings.TEST_RUNNER)(version, **data),
    "promote": promote,
    "create": PromptVersion.create_new,
    "delete": PromptVersion.delete_draft,
    "archive": PromptVersion.archive,
    "unarchive": PromptVersion.unarchive,
    "rollback": PromptVersion.roll_back,
    "evaluate": lambda version, **data: import_string(settings.EVALUATOR)(version, **data),
    "approve": lambda version, **data: import_string(settings.APPROVER)(version, **data),
    "set_active": set_active,
}


@dataclass(frozen=True)
class Button:
    """A row of the table as it stands for one version and one person: what a page draws and the API lists."""

    action: Action
    version: PromptVersion
    blocked: Refusal | None

    @property
    def name(self) -> str:
        return self.action.name

    @property
    def label(self) -> str:
        return self.action.label_in(self.version.stage)

    @property
    def enabled(self) -> bool:
        return self.blocked is None

    @property
    def reason(self) -> str:
        """Why it is off, for the tooltip; "" when it is on."""
        return self.blocked.detail if self.blocked else ""

    @property
    def confirm(self) -> bool:
        """Whether the press is asked about first."""
        return self.version.stage in self.action.confirm

    @property
    def page_url(self) -> str:
        """Where the page's button leads."""
        return reverse(self.action.page, args=[self.version.prompt.name, self.version.label])

    @property
    def target(self) -> str:
        """Where a promotion leads: what its form sends as `to`."""
        return PROMOTIONS.get(self.version.stage, "")

    def as_json(self) -> dict[str, Any]:
        """One entry of `allowed_actions`."""
        path = f"/v1{self.version.path}{self.action.path}"
        return {
            "name": self.name,
            "label": self.label,
            "enabled": self.enabled,
            "reason": self.reason,
            "method": self.action.method,
            "url": path,
        }


def blocked_because(action: Action, version: PromptVersion, person: Person) -> Refusal | None:
    """Return why this person cannot press this button now, as the error to raise; None when they can.

    One order everywhere: permission (403), mode (400), archived, stage (409).
    """
    if not person.may(action.permission_in(version.stage) or _any_permission(action)):
        return Forbidden(
            f"You are not allowed to do this: {action.label_in(version.stage)}. Ask an admin for the permission."
        )
    if not action.in_tracking and version.prompt.mode == "tracking":
        return WrongMode(version.prompt.name, version.prompt.mode)
    if version.archived_at is not None and not action.when_archived:
        return LifecycleError(ARCHIVED, code="archived", stage=version.stage)
    if version.stage not in action.on:
        code = "immutable" if action.name == "edit" else "wrong_stage"
        said = action.off_in(version.stage) or f"{version.label} is in {version.stage}: there is no further promotion."
        return LifecycleError(said, code=code, stage=version.stage)
    return action.also(version, person)


def _any_permission(action: Action) -> str:
    """For stages where the button is absent: what it takes at the end of its road."""
    return action.permission if isinstance(action.permission, str) else list(action.permission.values())[-1]


def buttons(version: PromptVersion, person: Person) -> list[Button]:
    """Return the five buttons of the matrix as they stand; absent ones are left out."""
    return _stand(MATRIX, version, person)


def more_buttons(version: PromptVersion, person: Person) -> list[Button]:
    """Return evaluate, approve, archive or unarchive, and rollback, where they do something."""
    return [button for button in _stand(MORE, version, person) if button.action.serves(version)]


def _stand(actions: tuple[Action, ...], version: PromptVersion, person: Person) -> list[Button]:
    return [
        Button(action, version, blocked_because(action, version, person))
        for action in actions
        if version.stage not in action.absent
    ]


def perform(name: str, version: PromptVersion, *, by: Any, seen: Seen, **data: Any) -> Any:
    """Do what a press asks for, if this person may and the version still is what they saw.

    Takes the action's name, the version as the caller found it, the person, what they saw, and the action's own data
    (edit: template_source, config, commit_message; promote: to, reason; create: bump; rollback: reason …).
    Returns what the transition returns. Raises Forbidden, WrongMode, StaleView or LifecycleError; then nothing changed.
    """
    blocked = blocked_because(ACTIONS[name], version, by)
    # A late press is told that it is late (the method says so); a forbidden one that it is forbidden.
    if blocked and not (isinstance(blocked, LifecycleError) and seen != Seen.of(version)):
        raise blocked
    # The permission was asked for this stage; if the stage moves before the lock is held, the press is stale.
    return HANDLERS[name](version, by=by, seen=replace(seen, stage=seen.stage or version.stage), **data)
