"""What stands between TST and PRD: gates are asked inside the promotion's transaction, and read stored results only.

A gate is a function named by dotted path in settings.PROMOTION_GATES, as password validators are. It takes the version,
locked and freshly read, and gives Conditions; it never runs a model while somebody waits.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from common.errors import BadInput
from common.text import visible
from ledger.actors import Actor
from ledger.models import LedgerEvent
from versions import content
from versions.exceptions import LifecycleError
from versions.stages import PROMOTIONS, Stage

if TYPE_CHECKING:
    from versions.models import PromptVersion

REASON_LENGTH = 10  # of a reason that stands for evidence (RELIABILITY 4.5)


@dataclass(frozen=True)
class Condition:
    """One thing that must be so before a version goes to production, with the figures and what to do about it."""

    name: str
    met: bool
    detail: str
    actual: Any = None
    required: Any = None
    overridable: bool = True

    def as_json(self) -> dict[str, Any]:
        """As answers and the ledger hold it."""
        return asdict(self)


class GateFailed(LifecycleError):
    """409 that lists every condition, the met ones too; nothing was changed."""

    code = "gate_failed"

    def __init__(self, version: "PromptVersion", conditions: list[Condition]) -> None:
        unmet = [condition for condition in conditions if not condition.met]
        super().__init__(
            f"{version.label} cannot go to PRD yet. {' '.join(condition.detail for condition in unmet)}",
            stage=version.stage,
            revision=version.revision,
            conditions=[condition.as_json() for condition in conditions],
        )


def authors(version: "PromptVersion") -> set[str]:
    """Everybody who had a hand in the text: who made the version, and who edited it."""
    edits = LedgerEvent.objects.filter(prompt_id=version.prompt_id, version=version.version, action="edited")
    return {version.created_by, *edits.values_list("actor", flat=True)}


def ask(version: "PromptVersion") -> list[Condition]:
    """Return every condition of every gate, as it stands now."""
    return [condition for path in settings.PROMOTION_GATES for condition in import_string(path)(version)]


def standing(version: "PromptVersion") -> list[Condition]:
    """What stands before the next step of this version; nothing, unless that step is production."""
    return ask(version) if PROMOTIONS.get(version.stage) == Stage.PRD else []


def check(version: "PromptVersion", *, by: Actor, override: bool, reason: str) -> list[Condition]:
    """Return the unmet conditions that were overridden, mostly none. Raises GateFailed, or BadInput without a reason.

    An author cannot override the approvals of others: the override would be the second pair of eyes.
    """
    conditions = ask(version)
    unmet = [condition for condition in conditions if not condition.met]
    if not unmet:
        return []
    stays = [one for one in unmet if not one.overridable or (one.name == "approvals" and by.name in authors(version))]
    if not override or stays:
        raise GateFailed(version, conditions)
    if len(visible(content.check_message(reason, "reason"))) < REASON_LENGTH:
        said = f"An override needs a reason of at least {REASON_LENGTH} characters: the ledger keeps it for ever."
        raise BadInput(said, errors={"reason": [said]})
    return unmet
