"""What the buttons do: each shows its form or dialog, and hands the press to versions.actions.perform."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework.exceptions import ParseError

from accounts.actors import person
from common.errors import BadInput, NotFound, Refusal
from common.htmx import asked_by_htmx, page_or_part
from common.parsing import load
from versions import gates
from versions.actions import ACTIONS, OVERRIDE, Button, blocked_because, perform
from versions.exceptions import LifecycleError, StaleView
from versions.forms import TextForm, seen_in
from versions.models import PromptVersion, SavedText
from versions.views.differences import difference
from versions.views.screen import address, find, refused, show


def moved_on(request: HttpRequest, version: PromptVersion, said: str, page: str = "version_detail") -> HttpResponse:
    """After a press that worked: the screen of `version`, with a sentence that says so."""
    messages.success(request, said)
    if asked_by_htmx(request) and page == "version_detail":
        return show(request, version)
    if asked_by_htmx(request):
        return HttpResponse(headers={"HX-Redirect": address(version, page)})
    return redirect(address(version, page))


def press(request: HttpRequest, name: str, version: PromptVersion, **data: Any) -> Any:
    """perform() with the person and what the form says was seen."""
    return perform(name, version, by=person(request), seen=seen_in(request.POST), **data)


def blocked(request: HttpRequest, name: str, version: PromptVersion) -> Refusal | None:
    """Why this person cannot press this now, or None."""
    return blocked_because(ACTIONS[name], version, person(request))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """The inline editor. Nothing typed is ever lost: every refusal shows it again."""
    version = find(name, label)
    if request.method == "GET":
        if why := blocked(request, "edit", version):
            return refused(request, version, why)
        return show(request, version, "edit", form=TextForm(kind=version.prompt.type, version=version))
    if request.POST.get("restore"):
        return _restore(request, version)
    form = TextForm(request.POST, kind=version.prompt.type, version=version)
    if form.rearranging or not form.is_valid():
        return show(request, version, "edit", form=form, status=200 if form.rearranging else 422)
    try:
        saved = press(request, "edit", version, **form.cleaned_data)
    except StaleView as stale:
        return _conflict(request, version, form, stale)
    except Refusal as refusal:
        return refused(request, version, refusal, "edit", form=form, sealed=isinstance(refusal, LifecycleError))
    changed = "Saved." if saved.revision != seen_in(request.POST).revision else "Nothing to save: the text is the same."
    return moved_on(request, saved, f"{saved.label}: {changed}")


def _conflict(request: HttpRequest, version: PromptVersion, form: TextForm, stale: StaleView) -> HttpResponse:
    """Somebody else was faster: both texts, side by side, and the choice."""
    theirs = PromptVersion.objects.select_related("prompt").get(pk=version.pk)
    mine = PromptVersion(prompt=theirs.prompt)
    mine.say(form.cleaned_data["template_source"], form.cleaned_data["config"])
    can_save = blocked(request, "edit", theirs) is None
    return refused(
        request, theirs, stale, "conflict", form=form, difference=difference(theirs, mine), can_save=can_save
    )


def _restore(request: HttpRequest, version: PromptVersion) -> HttpResponse:
    """Bring an earlier text back into the draft."""
    kept = SavedText.find(version.prompt_id, request.POST["restore"][:64])
    if kept is None:
        raise NotFound("No text with this hash was ever kept.")
    try:
        saved = press(request, "edit", version, commit_message="Restored an earlier text", **kept)
    except Refusal as refusal:
        return refused(request, version, refusal)
    return moved_on(request, saved, f"{saved.label} has its earlier text back.")


@require_http_methods(["GET", "POST"])
def promote(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """One stage on; to PRD only after a look at what is replaced."""
    version = find(name, label)
    if request.method == "GET":
        return _question(request, "promote", version)
    said = {"to": request.POST.get("to", ""), "reason": request.POST.get("reason", "")}
    try:
        moved = press(request, "promote", version, override=bool(request.POST.get("override")), **said)
    except Refusal as refusal:
        return refused(request, version, refusal)
    return moved_on(request, moved, f"{moved.label} is in {moved.stage} now.")


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Remove a draft for good, after a question."""
    version = find(name, label)
    if request.method == "GET":
        return _question(request, "delete", version)
    try:
        press(request, "delete", version)
    except Refusal as refusal:
        return refused(request, version, refusal)
    said = f"{version.label} is deleted. The history still knows its text."
    nearest = version.prompt.production or version.prompt.versions.newest_first().first()
    if nearest is not None:
        nearest.prompt = version.prompt
        return moved_on(request, nearest, said)
    messages.success(request, said)
    url = f"/prompts/{version.path.split('/')[2]}/"
    return HttpResponse(headers={"HX-Redirect": url}) if asked_by_htmx(request) else redirect(url)


@require_http_methods(["GET", "POST"])
def rollback(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Bring a retired text back into production, with a reason."""
    version = find(name, label)
    if request.method == "GET":
        return _question(request, "rollback", version)
    try:
        again = press(request, "rollback", version, reason=request.POST.get("reason", ""))
    except Refusal as refusal:
        return refused(request, version, refusal)
    return moved_on(request, again, f"{again.label} is in production, with the text of {version.label}.")


def _question(request: HttpRequest, action: str, version: PromptVersion) -> HttpResponse:
    """What is asked before a press: what is replaced, by what, and what differs; or why it cannot be pressed."""
    if why := blocked(request, action, version):
        return refused(request, version, why)
    present = version.prompt.production
    if present:
        present.prompt = version.prompt
    gate = gates.standing(version) if action == "promote" else []
    said = {
        "version": version,
        "prompt": version.prompt,
        "button": Button(ACTIONS[action], version, None),
        "present": present,
        "gate": gate,
        "blocked": any(not condition.met for condition in gate),
        "may_override": person(request).may(OVERRIDE),
        "difference": difference(present, version) if present and action != "delete" else None,
    }
    return page_or_part(request, f"versions/{action}.html", "question", said)


@require_POST
def create(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """The next version, opened in the editor; it may bring a text that could not be saved elsewhere."""
    version = find(name, label)
    data: dict[str, Any] = {"bump": "major" if request.POST.get("bump") == "major" else "minor"}
    if "config" in request.POST:
        form = TextForm(request.POST, kind=version.prompt.type, version=version)
        if not form.is_valid():
            return show(request, version, "edit", form=form, sealed=True, status=422)
        data |= form.cleaned_data
    elif request.POST.get("restore"):
        data |= SavedText.find(version.prompt_id, request.POST["restore"][:64]) or {}
    try:
        draft = press(request, "create", version, **data)
    except Refusal as refusal:
        return refused(request, version, refusal)
    return moved_on(request, draft, f"{draft.label} is a new draft, from {version.label}.", "edit")


@require_POST
def approve(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Say that it may go to production."""
    return _plain_press(request, "approve", find(name, label), "has your approval.")


@require_POST
def archive(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Give a draft up."""
    return _plain_press(request, "archive", find(name, label), "is archived. It stays here, out of the way.")


@require_POST
def unarchive(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """Take a draft up again."""
    return _plain_press(request, "unarchive", find(name, label), "is back among the drafts.")


def _plain_press(request: HttpRequest, action: str, version: PromptVersion, said: str) -> HttpResponse:
    try:
        after = press(request, action, version)
    except Refusal as refusal:
        return refused(request, version, refusal)
    return moved_on(request, after, f"{after.label} {said}")


@require_http_methods(["GET", "POST"])
def test(request: HttpRequest, name: str, label: str) -> HttpResponse:
    """The TEST panel: a field per variable, and what came back. What was typed stays."""
    version = find(name, label)
    if request.method == "GET":
        if why := blocked(request, "test", version):
            return refused(request, version, why)
        return show(request, version, "test", fields=fields_of(version, request.GET))
    return tested(request, version)


def tested(request: HttpRequest, version: PromptVersion, **more: Any) -> HttpResponse:
    """Run the test that the form asks for; the screen with what came of it."""
    fields = fields_of(version, request.POST)
    try:
        values = {field["name"]: value_of(field) for field in fields}
        run = press(request, "test", version, variables=values, **more)
    except Refusal as refusal:
        return refused(request, version, refusal, "test", fields=fields)
    return show(request, version, "test", fields=fields, run=run)


def fields_of(version: PromptVersion, data: Any) -> list[dict[str, Any]]:
    """A field for each variable, with what was typed; a chat's placeholders take messages as JSON."""
    histories = {one["name"] for one in version.messages or [] if "name" in one}
    return [
        {"name": name, "typed": data.get(f"var-{name}", "[]" if name in histories else ""), "json": name in histories}
        for name in version.variables
    ]


def value_of(field: dict[str, Any]) -> Any:
    """Return what was typed for a variable: text, or of a placeholder the messages. Raises BadInput."""
    if not field["json"]:
        return field["typed"].replace("\r\n", "\n")
    try:
        return load(field["typed"].encode() or b"[]")
    except ParseError as error:
        raise BadInput(f"{field['name']}: {error.detail}") from error
