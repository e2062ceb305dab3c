"""The button that asks for a scoring: first what it will cost, then the run."""

from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from common.errors import Refusal
from common.htmx import asked_by_htmx, page_or_part
from evaluations import datasets, starting
from evaluations.models import EvaluationRun
from evaluations.policy import Policy
from versions.actions import ACTIONS, Button
from versions.models import PromptVersion
from versions.views.presses import blocked, press
from versions.views.screen import find, refused


class AskForm(forms.Form):
    """How often each example is asked, and what the run may cost."""

    repeat = forms.IntegerField(required=False, min_value=1, max_value=20, label="Times each")
    budget_usd = forms.DecimalField(required=False, min_value=Decimal("0.000001"), max_digits=12, decimal_places=6,
                                    label="At most, in US dollars")  # fmt: skip


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Ask before it costs something; then queue a scoring of what this version says now, and show how it goes."""
    version = find(name, label)
    if request.method == "GET":
        if why := blocked(request, "evaluate", version):
            return refused(request, version, why)
        return _question(request, version, AskForm(initial={"repeat": Policy.of(version.prompt).repeat}))
    form = AskForm(request.POST)
    if not form.is_valid():
        return _question(request, version, form, status=422)
    given = {key: value for key, value in form.cleaned_data.items() if value is not None}
    try:
        run: EvaluationRun = press(request, "evaluate", version, **given)
    except Refusal as refusal:
        return refused(request, version, refusal)
    url = reverse("evaluations:run", args=[run.pk])
    return HttpResponse(headers={"HX-Redirect": url}) if asked_by_htmx(request) else redirect(url)


def _question(request: HttpRequest, version: PromptVersion, form: AskForm, *, status: int = 200) -> HttpResponse:
    policy, dataset = Policy.of(version.prompt), datasets.current(version.prompt)
    said: dict[str, Any] = {
        "version": version, "prompt": version.prompt, "form": form, "policy": policy, "dataset": dataset,
        "button": Button(ACTIONS["evaluate"], version, None),
    }  # fmt: skip
    if dataset is not None and dataset.count:
        try:
            chosen = starting.answerer(version, policy)
        except Refusal as refusal:
            said["refusal"] = refusal
        else:
            estimate = starting.estimated(version, dataset, chosen.name, chosen.model, policy.repeat)
            said |= {"chosen": chosen, "estimate": estimate}
    answer = page_or_part(request, "evaluations/evaluate.html", "question", said, status=status)
    if form.is_bound:  # the dialog stays open, with what is wrong in it
        answer.headers["HX-Retarget"] = "[data-question=evaluate]"
    return answer
