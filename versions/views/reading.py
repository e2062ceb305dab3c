"""Looking: a prompt, a version, two versions beside each other, the history, an earlier text."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.actors import person
from common import query
from common.errors import NotFound
from common.htmx import asked_by_htmx
from ledger.api import of_prompt
from ledger.models import LedgerEvent
from versions.actions import buttons
from versions.api.lookup import find_prompt
from versions.filters import filtered
from versions.models import Prompt, PromptTag, PromptVersion, SavedText
from versions.models.prompt import Mode
from versions.stages import Stage
from versions.views.differences import difference
from versions.views.screen import find, show

PAGE = 50


@require_safe
def prompt_list(request: HttpRequest) -> HttpResponse:
    """All prompts, searched and filtered."""
    rows = filtered(request.GET, Prompt.objects.for_lists())
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "page": page,
        "stages": Stage.choices,
        "modes": Mode.choices,
        "tags": PromptTag.objects.order_by("name").values_list("name", flat=True).distinct()[:200],
        "narrowed": any(value for name, value in request.GET.items() if name != "page"),
    }
    template = "versions/prompt_list.html#results" if asked_by_htmx(request) else "versions/prompt_list.html"
    return render(request, template, context)


@require_safe
def prompt_detail(request: HttpRequest, name: str) -> HttpResponse:
    """The version one most likely wants: what is in production, else the newest."""
    prompt = find_prompt(name)
    rows = prompt.versions.select_related("prompt__agent")
    found = prompt.production or rows.current().newest_first().first() or rows.newest_first().first()
    if found is None:
        return render(request, "versions/prompt_empty.html", {"prompt": prompt})
    found.prompt = prompt
    return show(request, found)


@require_safe
def version_detail(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """One version."""
    return show(request, find(name, label))


@require_safe
def diff(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Two versions beside each other: `against` on the left, this one on the right."""
    new = find(name, label)
    reference = request.GET.get("against", "")
    if reference:
        old = find(name, reference)
    else:
        earlier = PromptVersion.objects.filter(prompt=new.prompt, version__lt=new.version)
        old = new.prompt.production or earlier.newest_first().first() or new
        old.prompt = new.prompt
    numbers = PromptVersion.objects.filter(prompt=new.prompt).newest_first().only("major", "minor", "stage", "prompt")
    context = {"prompt": new.prompt, "old": old, "new": new, "difference": difference(old, new), "all": numbers[:500]}
    return render(request, "versions/diff.html", context)


@require_safe
def history(request: HttpRequest, name: str) -> HttpResponse:
    """The ledger of a prompt, newest first, under its earlier names too; also of one that was deleted."""
    prompt = Prompt.objects.select_related("agent").filter(name=name).first()
    rows = LedgerEvent.objects.filter(prompt_id=prompt.pk) if prompt else of_prompt(name)
    if (version := query.optional_number(request.GET, "version")) is not None:
        rows = rows.filter(version=version)
    page = Paginator(rows.order_by("-at", "-id"), PAGE).get_page(request.GET.get("page"))
    return render(request, "versions/history.html", {"prompt": prompt, "name": name, "page": page, "only": version})


@require_safe
def saved_text(request: HttpRequest, name: str, content_hash: str) -> HttpResponse:
    """A text that a version once had, beside what it says now, with the way back."""
    prompt = find_prompt(name)
    kept = SavedText.find(prompt.pk, content_hash)
    if kept is None:
        raise NotFound("No text with this hash was ever kept.")
    number = query.optional_number(request.GET, "version")
    rows = prompt.versions.select_related("prompt__agent")
    now = rows.filter(version=number).first() or rows.newest_first().first()
    then = PromptVersion(prompt=prompt)
    then.say(kept["template_source"], kept["config"])
    context = {"prompt": prompt, "then": then, "now": now, "content_hash": content_hash}
    if now:
        standing = {button.name: button for button in buttons(now, person(request))}
        context |= {"difference": difference(now, then), "edit": standing["edit"], "create": standing["create"]}
    return render(request, "versions/saved_text.html", context)
