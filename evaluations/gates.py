"""The gate before production (SPEC 7, S3-23 to S3-25; RELIABILITY 4.4): every condition, from stored results only."""

from collections.abc import Iterator
from datetime import timedelta

from common.clock import database_now
from common.errors import BadInput
from evaluations import approving, datasets, must_pass, scorers, statistics, undone
from evaluations.declared import names_in
from evaluations.models import DatasetVersion, EvaluationRun, RunStatus
from evaluations.policy import Policy
from versions import content
from versions.gates import Condition
from versions.models import PromptVersion

LOOKED_AT = 20  # finished runs of the same content, for one that was asked as the policy says
NAMED = 10  # failing examples in a sentence
MEND = "Look at what failed, change the text, evaluate it again."
NOT_SAID = object()


def figure(value: float) -> str:
    """A score as people read it, with as many digits as it takes to tell it from another."""
    return f"{value:.9f}".rstrip("0").rstrip(".") or "0"


def percent(share: float) -> str:
    """A share as people read it, to a tenth of a percent."""
    return f"{figure(round(share * 100, 1))} %"


def counted(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def conditions(version: PromptVersion) -> list[Condition]:
    """Return every condition of the prompt's policy for this version; none, where there is no policy."""
    policy = Policy.of(version.prompt)
    found = list(approving.conditions(version, policy.required_approvals))
    if policy.threshold is not None:
        found += [*_structure(version), *_metadata(version), *_evidence(version, policy)]
    if policy.threshold is not None or policy.auto_rollback != "off":
        found += _not_undone(version)
    return found


def _not_undone(version: PromptVersion) -> Iterator[Condition]:
    """What was rolled back once does not come back by the same figures that let it pass the first time."""
    if version.content_hash in undone.texts(version.prompt):
        yield Condition("rolled_back", False, "This text was rolled back once. Change it, or override the gate.")


def _structure(version: PromptVersion) -> Iterator[Condition]:
    """The stored text still is what its type and format allow (S3-25)."""
    try:
        content.check_text(version.prompt.type, version.template_source, version.prompt.template_format)
    except BadInput as error:
        yield Condition("structure", False, f"The text is not valid: {error.detail}", overridable=False)
        return
    yield Condition("structure", True, "The text is valid.")


def _metadata(version: PromptVersion) -> Iterator[Condition]:
    """Description, inputs and outputs are there, and the inputs name the template's variables (S3-24)."""
    prompt = version.prompt
    lacking = [name for name in ("inputs", "outputs") if not prompt.metadata.get(name)]
    if not prompt.description.strip():
        lacking.insert(0, "description")
    undeclared = [name for name in version.variables if name not in names_in(prompt.metadata.get("inputs"))]
    said = []
    if lacking:
        said.append(f"The prompt lacks {', '.join(lacking)}.")
    if undeclared and "inputs" not in lacking:
        said.append(f"Its inputs do not name {', '.join(undeclared)}.")
    detail = (
        f"Metadata is not up to date. {' '.join(said)} Fill it in under Describe."
        if said
        else "Metadata is up to date."
    )
    yield Condition("metadata", not said, detail, actual=sorted(names_in(prompt.metadata.get("inputs"))),
                    required=sorted(version.variables))  # fmt: skip


def evidence(version: PromptVersion, dataset: DatasetVersion, policy: Policy) -> EvaluationRun | None:
    """The newest finished run of exactly this content on these examples, asked and scored as policy says, or None."""
    rows = EvaluationRun.objects.filter(
        prompt=version.prompt_id,
        content_hash=version.content_hash,
        dataset__sha256=dataset.sha256,
        scorer_hash=scorers.scorer_hash(policy.scorer),
        repeats__gte=policy.repeat,
        status=RunStatus.SUCCEEDED,
    )
    newest = rows.order_by("-created_at")[:LOOKED_AT]
    return next((run for run in newest if not asked_otherwise(run, policy)), None)


def asked_otherwise(run: EvaluationRun, policy: Policy) -> str:
    """In which way a run was asked that the policy does not take for proof; "" where it was asked as it says."""
    if run.repeats < policy.repeat:
        return f"It asked each example {times(run.repeats)}; the policy asks for {times(policy.repeat)}."
    if policy.provider and run.provider != policy.provider:
        return f"It was answered by {run.provider or 'no provider'}; the policy says {policy.provider}."
    if policy.model_name and run.model_name != policy.model_name:
        return f"It was answered by {run.model_name or 'no model'}; the policy says {policy.model_name}."
    if any(run.params.get(name, NOT_SAID) != value for name, value in (policy.params or {}).items()):
        return "It was answered with other parameters than the policy says."
    return ""


def times(number: int) -> str:
    """How often, in words."""
    return "once" if number == 1 else f"{number} times"


def _evidence(version: PromptVersion, policy: Policy) -> Iterator[Condition]:
    threshold = policy.threshold or 0.0
    dataset = datasets.current(version.prompt)
    if dataset is None or not dataset.count:
        yield Condition("evaluated", False, "It is not evaluated: the prompt has no examples. Add some, then evaluate.",
                        actual=None, required=threshold)  # fmt: skip
        return
    if dataset.count < policy.min_examples:
        yield Condition("examples", False, f"{counted(dataset.count, 'example')} are too few: the policy asks for "
                        f"{policy.min_examples}. Add some, then evaluate.", actual=dataset.count,
                        required=policy.min_examples)  # fmt: skip
    run = evidence(version, dataset, policy)
    if run is None or run.score is None:
        said = _why_no_evidence(version, dataset, policy) if run is None else _nothing_scored(run)
        yield Condition("evaluated", False, said, actual=None, required=threshold)
        return
    yield Condition("evaluated", True, f"Evaluated on {counted(run.examples, 'example')}.", actual=str(run.pk))
    yield from judged(run, policy)
    yield from _fresh(run, policy)
    yield from _no_regression(version, run, dataset, policy)


def _nothing_scored(run: EvaluationRun) -> str:
    return f"None of the {run.examples * run.repeats} answers could be scored. Look at the errors, then evaluate again."


def _why_no_evidence(version: PromptVersion, dataset: DatasetVersion, policy: Policy) -> str:
    """Tell apart: never evaluated, still at it, the text or the examples changed since, the last run failed."""
    runs = EvaluationRun.objects.filter(prompt=version.prompt_id, version_number=version.version)
    newest = runs.order_by("-created_at").select_related("dataset").first()
    if newest is None:
        return f"{version.label} is not evaluated. Evaluate it."
    if newest.status in (RunStatus.QUEUED, RunStatus.RUNNING):
        return f"{version.label} is being evaluated. Wait for the result."
    if newest.content_hash != version.content_hash:
        return f"{version.label} was edited after its evaluation. Evaluate it again."
    if newest.dataset.sha256 != dataset.sha256:
        return f"The examples changed after the evaluation of {version.label}. Evaluate it again."
    if newest.status != RunStatus.SUCCEEDED:
        why = (newest.error_message or newest.status).rstrip(".")
        return f"The evaluation of {version.label} did not finish: {why}. Try again."
    if newest.scorer_hash != scorers.scorer_hash(policy.scorer):
        return f"The scorer changed after the evaluation of {version.label}. Evaluate it again."
    return f"{asked_otherwise(newest, policy)} Evaluate {version.label} again."


def judged(run: EvaluationRun, policy: Policy) -> Iterator[Condition]:
    """What a run with a score shows: the score, its errors, and the examples that must pass, by the present policy."""
    yield _score(run, policy.threshold or 0.0)
    yield from _errors(run, policy)
    yield from _must_pass(run, policy)


def _score(run: EvaluationRun, threshold: float) -> Condition:
    score = run.score or 0.0
    met = score >= threshold
    said = "reaches" if met else "is below"
    detail = f"Its score {figure(score)} {said} the threshold {figure(threshold)}."
    return Condition("score", met, detail if met else f"{detail} {MEND}", actual=score, required=threshold)


def _errors(run: EvaluationRun, policy: Policy) -> Iterator[Condition]:
    if not run.errors:
        return
    total = max(1, run.examples * run.repeats)
    met = policy.lets_pass(run.errors, total)
    said = (
        f"{run.errors} of {total} answers were errors, {percent(run.errors / total)}; at most "
        f"{percent(policy.max_error_rate)} may be."
    )
    yield Condition("errors", met, said if met else f"{said} Look at the errors, then evaluate it again.",
                    actual=run.errors / total, required=policy.max_error_rate)  # fmt: skip


def _must_pass(run: EvaluationRun, policy: Policy) -> Iterator[Condition]:
    """Asked of the stored answers: the policy may name other tags than it did when the run ended."""
    if not policy.must_pass:
        return
    bearing, failing = must_pass.asked(run, policy.must_pass)
    missing = [tag for tag in policy.must_pass if tag not in bearing]
    if failing:
        more = f" and {len(failing) - NAMED} more" if len(failing) > NAMED else ""
        said = f"Examples that must pass failed: {', '.join(failing[:NAMED])}{more}. {MEND}"
    elif missing:
        said = f"No example has the tag {', '.join(missing)}, which must pass. Tag one, or mend the policy."
    else:
        said = "All that must pass, passed."
    yield Condition("must_pass", not failing and not missing, said, actual=failing[:50],
                    required=list(policy.must_pass))  # fmt: skip


def _fresh(run: EvaluationRun, policy: Policy) -> Iterator[Condition]:
    if policy.fresh_for_days is None or run.completed_at is None:
        return
    age = database_now() - run.completed_at
    met = age <= timedelta(days=policy.fresh_for_days)
    old, allowed = counted(age.days, "day"), counted(policy.fresh_for_days, "day")
    if not met and old == allowed:
        old += f" and {counted(max(1, age.seconds // 3600), 'hour')}"
    said = f"The evaluation is {old} old; it may be {allowed}."
    yield Condition("fresh", met, said if met else f"{said} Evaluate it again.", actual=age.days,
                    required=policy.fresh_for_days)  # fmt: skip


def _no_regression(
    version: PromptVersion, run: EvaluationRun, dataset: DatasetVersion, policy: Policy
) -> Iterator[Condition]:
    """Not worse than what is live on the same examples: by more than `max_drop`, and not by chance."""
    present = version.prompt.production
    if policy.max_drop is None or present is None:
        return
    present.prompt = version.prompt
    theirs = evidence(present, dataset, policy)
    if theirs is None or (why := _no_baseline(theirs, policy)):
        why = "is not evaluated on these examples" if theirs is None else why
        yield Condition("no_regression", False, f"{present.label}, which is live, {why}: there is nothing to compare "
                        f"with. Evaluate {present.label} too.", required=policy.max_drop)  # fmt: skip
        return
    found = statistics.compare(theirs, run, confidence=policy.confidence)
    worse = found.drop > policy.max_drop and found.significant
    below = f"It scores {figure(max(0.0, found.drop))} below {present.label}"
    sight = f"these {counted(found.examples, 'example')} can show a drop of {figure(found.smallest_drop)} or more."
    if worse:
        said = f"{below}, and not by chance (p = {found.p_value:.3f}); {figure(policy.max_drop)} may be lost. {MEND}"
    elif found.drop > policy.max_drop:
        said = f"{below}, which may be chance (p = {found.p_value:.3f}): {sight}"
    elif found.drop > 0:
        said = f"{below}; {figure(policy.max_drop)} may be lost."
    else:
        said = f"It is not worse than {present.label}: {sight}"
    yield Condition("no_regression", not worse, said, actual=found.drop, required=policy.max_drop)


def _no_baseline(theirs: EvaluationRun, policy: Policy) -> str:
    """Why the run of what is live is nothing to compare with; "" where it is something."""
    if theirs.score is None or not policy.lets_pass(theirs.errors, theirs.examples * theirs.repeats):
        return f"was evaluated with {counted(theirs.errors, 'error')}"
    return ""
