"""The form of a prompt's policy: what a version must have shown before it goes to production."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actors import person
from common.canonical import canonical_json, sha256
from common.errors import BadInput
from evaluations import datasets, gates, policy, statistics
from evaluations.gates import figure
from evaluations.models import DatasetVersion, EvaluationRun, RunStatus
from evaluations.policy import Policy
from evaluations.views.policy_form import PolicyForm
from versions.api.lookup import find_prompt
from versions.models import Prompt

CHANGE = "versions.change_prompt"
LATE = "The policy was changed since you saw it. What you typed is still here: look at it again, then save."
DIFFERING = 0.2  # of the answers, where nothing is known yet of how much two versions differ


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Look at it; change it. What is wrong stands at its field."""
    prompt, by = find_prompt(name), person(request)
    if request.method == "GET":
        return _page(request, prompt, PolicyForm(prompt=prompt))
    by.require(CHANGE)
    form = PolicyForm(request.POST, prompt=prompt)
    if form.is_valid() and request.POST.get("was") != fingerprint(prompt):
        form.add_error(None, LATE)
    if form.is_valid():
        try:
            wanted = policy.merged(prompt, form.given())
        except BadInput as error:
            form.take(error)
        else:
            prompt.change(by=by, evaluation=wanted)
            messages.success(request, "The policy is saved. It holds from now on.")
            return redirect("evaluations:policy", prompt.name)
    return _page(request, prompt, form, status=422)


def fingerprint(prompt: Prompt) -> str:
    """What a form says was seen."""
    return sha256(canonical_json(prompt.evaluation))


def _page(request: HttpRequest, prompt: Prompt, form: PolicyForm, *, status: int = 200) -> HttpResponse:
    context = {
        "prompt": prompt, "form": form, "was": fingerprint(prompt), "policy": Policy.of(prompt),
        "dataset": datasets.current(prompt), "sight": sight(prompt), "may_change": person(request).may(CHANGE),
    }  # fmt: skip
    return render(request, "evaluations/policy.html", context, status=status)


def sight(prompt: Prompt) -> list[str]:
    """Which drops the present examples can see, in sentences."""
    dataset, asked = datasets.current(prompt), Policy.of(prompt)
    if dataset is None or dataset.count < 2:
        return ["With fewer than two examples no drop can be told from chance. Add examples first."]
    seen, how = _smallest(prompt, dataset, asked)
    found = [
        f"{dataset.count} examples show a true drop of {figure(round(seen, 3))} or more, four times in five. {how}"
    ]
    if asked.max_drop is not None and 0 < asked.max_drop < seen:
        wanted = round(dataset.count * (seen / asked.max_drop) ** 2)
        found.append(f"To see the {figure(asked.max_drop)} of the policy, it takes about {wanted:,} examples.")
    return found


def _smallest(prompt: Prompt, dataset: DatasetVersion, asked: Policy) -> tuple[float, str]:
    """The smallest drop that can be seen, and what that is taken from: two runs, or a guess where there are none."""
    pair = _last_two(prompt, dataset, asked)
    if pair:
        old, new = pair
        found = statistics.compare(old, new, confidence=asked.confidence)
        return found.smallest_drop, f"That is measured: from how {old.label} and {new.label} differ."
    differ = max(1, round(dataset.count * DIFFERING / 2))
    losses = [1.0] * differ + [-1.0] * differ + [0.0] * max(0, dataset.count - 2 * differ)
    said = "That is a guess, if one answer in five differs; two evaluated versions will tell."
    return statistics.smallest_drop(losses[: max(2, dataset.count)], confidence=asked.confidence), said


def _last_two(prompt: Prompt, dataset: DatasetVersion, asked: Policy) -> tuple[EvaluationRun, EvaluationRun] | None:
    """The newest evidence of what is live, and of the newest other text."""
    live = prompt.production
    if live is None:
        return None
    live.prompt = prompt
    old = gates.evidence(live, dataset, asked)
    if old is None:
        return None
    rows = EvaluationRun.objects.filter(
        prompt=prompt, dataset__sha256=dataset.sha256, scorer_hash=old.scorer_hash, status=RunStatus.SUCCEEDED
    )
    new = rows.exclude(content_hash=old.content_hash).exclude(score=None).order_by("-created_at").first()
    return (old, new) if new else None
