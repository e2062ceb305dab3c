"""What the program does by itself, as each prompt's policy says (SPEC 7; RELIABILITY 4.6).

Three things call it, each inside its own transaction: a version changed (settings.VERSION_CHANGED), an evaluation ended
(settings.EVALUATION_FINISHED), a window of use was judged (`windows`). It acts as `system:automation`, through the same
functions as people, and says what it did, or why it did not.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, IntegerField, Q

from common.clock import database_now
from common.errors import Refusal
from common.prepared import Given, Prepared
from evaluations import alerts, datasets, gates, rollback, starting, statistics, switch
from evaluations.alerts import BY
from evaluations.models import DatasetVersion, EvaluationRun, Notice, NoticeKind, Proposal, RunStatus, Verdict
from evaluations.policy import Policy
from ledger.actors import Actor
from versions import gates as promotion
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen
from versions.stages import Stage

OFF, PROPOSE, AUTO = "off", "propose", "auto"
VERSIONS = 3  # in TST that new examples have evaluated
OF_EVALUATIONS = (NoticeKind.BELOW, NoticeKind.REGRESSED, NoticeKind.INCONCLUSIVE)
OVERTAKEN = Prepared(
    lambda: Notice.objects.select_related("prompt").filter(
        ~Q(kind=NoticeKind.READY) | Q(version_number=Given("number", IntegerField())),
        prompt=Given("prompt", BigIntegerField()),
        resolved_at=None,
    )
)


def version_changed(version: PromptVersion, action: str, by: Actor) -> None:
    """After something was done to a version, in its transaction: evaluate what is in TST, promote what is approved."""
    if version.stage == Stage.PRD:
        went_live(version)
        return
    if action in ("edited", "archived"):
        alerts.all_is_well(version, [NoticeKind.READY], f"{version.label} was {action}.")
    if version.stage == Stage.TST and version.archived_at is None and action in ("promoted", "edited"):
        evaluate(version)
    elif action == "approved":
        ready(version)


def went_live(version: PromptVersion) -> None:
    """What was said of the version before, and of this one while it was a draft, is overtaken.

    So a person's promotion takes back a rollback that was proposed. That others are ready stays true.
    """
    overtaken = OVERTAKEN.all(prompt=version.prompt_id, number=version.version)
    alerts.overtake(overtaken, f"{version.label} went to production.")


def evaluate(version: PromptVersion) -> EvaluationRun | None:
    """Queue a run of a version that entered TST or was edited there, where its policy asks for one.

    None where there is a proof already, nothing to evaluate on, or nobody said how to score. What hinders the run
    never hinders the transition: it becomes a notice.
    """
    prompt = version.prompt
    policy = Policy.of(prompt)
    if not policy.auto_evaluate or not asks(prompt) or not switch.on():
        return None
    dataset = datasets.current(prompt)
    if dataset is None or not dataset.count or gates.evidence(version, dataset, policy):
        return None
    try:
        with transaction.atomic():
            return starting.start(version, by=BY)
    except Refusal as why:
        alerts.give(version, NoticeKind.NOT_EVALUATED, f"{version.label} was not evaluated by itself: {why.detail}")
        return None


def examples_changed(dataset: DatasetVersion) -> None:
    """After new examples, in their transaction: evaluate what waits in TST for its first run (S3-34).

    What was evaluated before waits for a press: each edit of an example would cost a run.
    """
    waiting = PromptVersion.objects.select_related("prompt").filter(prompt=dataset.prompt_id, stage=Stage.TST)
    for version in waiting.current().newest_first()[:VERSIONS]:
        if not EvaluationRun.objects.filter(prompt=version.prompt_id, content_hash=version.content_hash).exists():
            evaluate(version)


def asks(prompt: Any) -> bool:
    """Whether somebody has said what a version of this prompt must reach, or how it is scored."""
    return any(key in prompt.evaluation for key in ("threshold", "scorer"))


def evaluated(run: EvaluationRun) -> None:
    """After the end of a run, in its transaction: promote what passed, look at what is live."""
    prompt = run.prompt
    version = run.version
    if version is None or version.content_hash != run.content_hash:
        return
    version.prompt = prompt
    if version.stage == Stage.PRD:
        live_was_evaluated(run, version)
    elif run.verdict == Verdict.PASS:
        ready(version, run)


def ready(version: PromptVersion, run: EvaluationRun | None = None) -> None:
    """Promote a version in TST, or propose it, where its policy says so and nothing stands in the way any more."""
    policy = Policy.of(version.prompt)
    if policy.auto_promote == OFF or version.prompt.mode != "full":
        return
    if version.stage != Stage.TST or version.archived_at is not None:
        return
    conditions = promotion.ask(version)
    if not conditions or not all(condition.met for condition in conditions):
        return
    said = f"{version.label} meets every condition for production."
    if policy.auto_promote == AUTO and switch.on():
        try:
            version.promote(by=BY, to=Stage.PRD, seen=Seen.of(version), reason=said)
            return
        except Refusal as why:
            said = f"{said} It was not promoted: {why.detail}"
    alerts.give(version, NoticeKind.READY, said, run=run, proposal=Proposal.PROMOTE)


def live_was_evaluated(run: EvaluationRun, live: PromptVersion) -> None:
    """Compare what is live with its threshold and with what it was when it went live."""
    policy = Policy.of(live.prompt)
    if run.status == RunStatus.CANCELED:
        return
    if run.verdict == Verdict.FAIL:
        trouble(live, NoticeKind.BELOW, _below(run, live), run=run)
    elif said := worse_than_before(run, live, policy):
        trouble(live, NoticeKind.REGRESSED, said, run=run)
    elif run.verdict == Verdict.INCONCLUSIVE:
        why = run.error_message or f"{run.errors} answers were errors, of {run.examples} examples."
        said = f"The evaluation of {live.label}, which is live, says nothing: {why} Evaluate it again."
        alerts.give(live, NoticeKind.INCONCLUSIVE, said, run=run)
    else:
        alerts.all_is_well(live, OF_EVALUATIONS, f"{live.label} was evaluated again, and passed.")


def _below(run: EvaluationRun, live: PromptVersion) -> str:
    failed = run.figures.get("must_pass_failed")
    if failed and (run.score or 0.0) >= (run.threshold or 0.0):
        return f"{live.label}, which is live, fails examples that must pass: {', '.join(failed[:10])}."
    return (
        f"{live.label}, which is live, scores {gates.figure(run.score or 0.0)}: below the threshold "
        f"{gates.figure(run.threshold or 0.0)}."
    )


def worse_than_before(run: EvaluationRun, live: PromptVersion, policy: Policy) -> str:
    """What to say where this text scores worse than in its first run on these examples, and not by chance; or ""."""
    if policy.max_drop is None or run.status != RunStatus.SUCCEEDED:
        return ""
    first = (
        EvaluationRun.objects.filter(
            prompt=live.prompt, content_hash=run.content_hash, dataset=run.dataset_id, scorer_hash=run.scorer_hash,
            status=RunStatus.SUCCEEDED,
        ).exclude(pk=run.pk).order_by("created_at").first()
    )  # fmt: skip
    if first is None:
        return ""
    found = statistics.compare(first, run, confidence=policy.confidence)
    if found.drop <= policy.max_drop or not found.significant:
        return ""
    return (
        f"{live.label}, which is live, scores {gates.figure(found.drop)} less than in its first evaluation on the same "
        f"examples, and not by chance (p = {found.p_value:.3f}); {gates.figure(policy.max_drop)} may be lost."
    )


def trouble(
    live: PromptVersion, kind: str, said: str, *, run: EvaluationRun | None = None, at: datetime | None = None
) -> PromptVersion | None:
    """What is live does badly: say so, propose to go back, or go back, as the policy says.

    Returns the version that took its place, or None. Of many who find the same at once, one acts.
    """
    with transaction.atomic():
        prompt = live.prompt.locked()
        present = prompt.production
        if present is None or present.pk != live.pk:
            return None
        present.prompt = prompt
        policy = Policy.of(prompt)
        moment = at or database_now()
        if policy.auto_rollback == OFF:
            alerts.give(present, kind, said, run=run, at=at)
            return None
        plan = rollback.plan(present, policy, moment)
        if policy.auto_rollback == AUTO and plan.target is not None and not plan.held:
            try:
                return go_back(plan.target, said, run, moment)
            except Refusal as why:
                plan = rollback.Plan(plan.target, why.detail)
        proposal = Proposal.ROLL_BACK if plan.target else Proposal.NONE
        text = f"{said} {plan.held}".strip()
        alerts.give(present, kind, text, run=run, proposal=proposal, target=plan.target, at=at)
        return None


def go_back(target: PromptVersion, said: str, run: EvaluationRun | None, at: datetime) -> PromptVersion:
    """Roll back, and say so. The caller holds the prompt's lock and has seen what is live."""
    reason = f"{said} (evaluation {run.pk})" if run else said
    again = target.roll_back(by=BY, seen=ANYTHING, reason=reason, at=at)
    text = f"{said} {again.label} took its place, with the text of {target.label}."
    alerts.give(again, NoticeKind.ROLLED_BACK, text, run=run, at=at)
    return again
