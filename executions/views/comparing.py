"""The answers of two versions beside each other, on the same variables."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.actors import person
from common.errors import BadInput, NotFound, Refusal
from common.htmx import page_or_part
from executions import running, words
from executions.api.reading import find
from executions.models import ENVIRONMENTS, Execution, Mode
from executions.views.log import TEST
from versions import diffs
from versions.api.lookup import find_prompt, find_version
from versions.models import PromptVersion
from versions.views.presses import fields_of, value_of

MOST_VERSIONS = 500


@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """GET: the form, or the runs `left` and `right` and what differs. POST: run both versions, then look at them."""
    by = person(request)
    by.require("executions.view_execution")
    if request.method == "POST":
        by.require(TEST)
        return _run_both(request)
    if request.GET.get("left") and request.GET.get("right"):
        return _side_by_side(request, find(request.GET["left"]), find(request.GET["right"]))
    first = find(request.GET["run"]) if request.GET.get("run") else None
    name = first.prompt_name if first else request.GET.get("prompt", "")
    if not name:
        raise NotFound("There is nothing to compare yet. Open a run, and choose Compare versions.")
    prompt = find_prompt(name)
    versions = list(prompt.versions.newest_first().select_related("prompt")[:MOST_VERSIONS])
    if not versions:
        raise BadInput("This prompt has no version yet.")
    new = _chosen(versions, request.GET.get("b") or (first.label if first else "")) or versions[0]
    live = next((one for one in versions if one.is_active and one != new), versions[-1])
    old = _chosen(versions, request.GET.get("a")) or live
    return _form(request, old, new, _typed(request, first))


def _chosen(versions: list[PromptVersion], label: str | None) -> PromptVersion | None:
    return next((one for one in versions if one.label == label), None)


def _typed(request: HttpRequest, first: Execution | None) -> dict[str, str]:
    """What stands in the fields: what a run was made with, else what the address says."""
    if first is None:
        return request.GET.dict()
    values = {f"var-{name}": words.as_text(value) for name, value in first.variables.items()}
    return values | {"environment": first.environment, "run": str(first.pk)}


def _form(
    request: HttpRequest, old: PromptVersion, new: PromptVersion, typed: Any, refusal: Refusal | None = None
) -> HttpResponse:
    context = {
        "prompt": new.prompt,
        "old": old,
        "new": new,
        "all": new.prompt.versions.newest_first().only("major", "minor", "stage", "prompt")[:MOST_VERSIONS],
        "fields": _fields(old, new, typed),
        "environments": ENVIRONMENTS,
        "environment": typed.get("environment") or new.environment,
        "from_run": typed.get("run"),
        "may_run": person(request).may(TEST),
        "refusal": refusal,
    }
    return render(request, "executions/compare.html", context, status=refusal.status if refusal else 200)


def _fields(old: PromptVersion, new: PromptVersion, typed: Any) -> list[dict[str, Any]]:
    """A field for each variable of either."""
    return list({field["name"]: field for one in (old, new) for field in fields_of(one, typed)}.values())


def _run_both(request: HttpRequest) -> HttpResponse:
    """Both in the background, so that neither waits for the other."""
    name = request.POST.get("prompt", "")
    old, new = (find_version(name, request.POST.get(side, "")) for side in ("a", "b"))
    try:
        values = {field["name"]: value_of(field) for field in _fields(old, new, request.POST)}
        place, by = request.POST.get("environment") or "dev", person(request)
        with transaction.atomic():  # both or none
            left, right = (
                running.run(one, variables=values, by=by, environment=place, mode=Mode.ASYNC, is_test=True)
                for one in (old, new)
            )
    except Refusal as refusal:
        return _form(request, old, new, request.POST, refusal)
    found = QueryDict(mutable=True)
    found.update({"left": str(left.pk), "right": str(right.pk)})
    return redirect(f"{reverse('executions:compare')}?{found.urlencode()}")


def _side_by_side(request: HttpRequest, left: Execution, right: Execution) -> HttpResponse:
    runs = [{"run": one, "explained": words.explained(one.error_type), "standing": words.standing(one)}
            for one in (left, right)]  # fmt: skip
    both = left.response_text is not None and right.response_text is not None
    context = {
        "left": left,
        "right": right,
        "runs": runs,
        "live": not (left.is_finished and right.is_finished),
        "rows": diffs.side_by_side(left.response_text or "", right.response_text or "") if both else None,
        "same": both and left.response_text == right.response_text,
        "same_variables": left.variables == right.variables,
        "offline": "offline" in (left.provider, right.provider),
    }
    return page_or_part(request, "executions/compared.html", "runs", context)
