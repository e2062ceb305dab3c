"""Going back by itself (SPEC 2 and 7; RELIABILITY 4.6): to what, and what holds the program back.

Asked under the prompt's lock: of any number who decide at once, one acts and the others find another version live. The
step itself is the ordinary `roll_back` of the version that is gone back to: forward only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from evaluations import datasets, gates, switch, undone
from evaluations.alerts import BY
from evaluations.policy import Policy
from ledger.models import LedgerEvent
from versions.models import Prompt, PromptVersion
from versions.models.transitions import OVERRIDDEN
from versions.stages import Stage

LOOKED_AT = 50  # retired versions, from the newest
PRESSES = 50  # moves to production, from the newest


@dataclass(frozen=True)
class Plan:
    """What to do about a live version that does badly: back to `target`, unless `held` says why not by itself."""

    target: PromptVersion | None
    held: str = ""


def plan(live: PromptVersion, policy: Policy, at: datetime) -> Plan:
    """Where this live version of a locked prompt could be rolled back to, and what holds the program back."""
    target = find_target(live, policy)
    if live.prompt.mode == "tracking":
        return Plan(None, "Git owns the text of this prompt: revert it there.")
    if target is None:
        return Plan(None, "There is no earlier version to go back to: none that passes on the present examples and was "
                          "never rolled back.")  # fmt: skip
    return Plan(target, held_because(live, at))


def find_target(live: PromptVersion, policy: Policy) -> PromptVersion | None:
    """The newest retired version whose text was never rolled back and passes on the present examples.

    A prompt without a threshold asks nothing of its versions: there, having been live is enough.
    """
    gone = undone.texts(live.prompt)
    retired = PromptVersion.objects.filter(prompt=live.prompt, stage=Stage.RET).order_by("-retired_at", "-version")
    for version in retired.exclude(content_hash__in={live.content_hash, *gone})[:LOOKED_AT]:
        version.prompt = live.prompt
        if policy.threshold is None or passes(version, policy):
            return version
    return None


def passes(version: PromptVersion, policy: Policy) -> bool:
    """Whether the newest evidence for this text on the present examples is a pass by the present policy.

    Not by the verdict that the run ended with: the policy may have asked for less then, or for nothing. Age is no
    matter: what is gone back to was live.
    """
    dataset = datasets.current(version.prompt)
    if dataset is None or dataset.count < policy.min_examples:
        return False
    run = gates.evidence(version, dataset, policy)
    return run is not None and run.score is not None and all(one.met for one in gates.judged(run, policy))


def held_because(live: PromptVersion, at: datetime) -> str:
    """Why the program may not roll this version back by itself now; "" where it may."""
    if not switch.on():
        return "Automation is switched off."
    past = LedgerEvent.objects.filter(prompt_id=live.prompt_id, version=live.version, action=OVERRIDDEN)
    if past.exists():
        return f"{live.label} went to production by override: a person decided that, and a person decides this."
    own = automatic_in_a_row(live.prompt)
    if len(own) >= settings.ROLLBACKS_IN_A_ROW:
        return f"It was rolled back {len(own)} times in a row without a person: somebody has to look at it."
    pause = timedelta(minutes=settings.ROLLBACK_COOLDOWN_MINUTES)
    if own and at - own[0] < pause:
        return f"The last rollback was less than {settings.ROLLBACK_COOLDOWN_MINUTES} minutes ago."
    return ""


def automatic_in_a_row(prompt: Prompt) -> list[datetime]:
    """When the program rolled this prompt back since a person last moved it, the newest first."""
    rows = LedgerEvent.objects.filter(prompt_id=prompt.pk, to_stage=Stage.PRD).order_by("-sequence")
    found = []
    for action, actor, at in rows.values_list("action", "actor", "at")[:PRESSES]:
        if actor != BY.name:
            break
        if action == undone.ROLLED_BACK:
            found.append(at)
    return found
