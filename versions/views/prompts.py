"""Making, describing, archiving and deleting prompts."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actors import person
from agents.models import Agent
from common.errors import BadInput, Refusal
from versions.api.lookup import find_prompt
from versions.forms import NewPromptForm, PromptForm, TextForm
from versions.models import Prompt
from versions.models.prompt import Kind, Mode


def add_errors(form: Any, error: ValidationError | Refusal) -> None:
    """Put what the model refused next to the fields it is about."""
    if isinstance(error, Refusal):
        form.add_error(None, error.detail)
        return
    for name, said in getattr(error, "message_dict", {"__all__": error.messages}).items():
        form.add_error(name if name in form.fields else None, said)


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A new prompt with its first draft."""
    by = person(request)
    by.require("versions.add_prompt")
    kind = (request.POST or request.GET).get("type", Kind.TEXT)
    kind = kind if kind in Kind.values else Kind.TEXT
    if request.method == "GET":
        agent = Agent.objects.filter(name=request.GET.get("agent", "")).first()
        form, text = NewPromptForm(initial={"type": kind, "agent": agent, "status_key": "default"}), TextForm(kind=kind)
        return render(request, "versions/prompt_form.html", {"form": form, "text": text, "kind": kind})
    form, text = NewPromptForm(request.POST), TextForm(request.POST, kind=kind)
    if not text.rearranging and form.is_valid() and text.is_valid():
        given = {**form.cleaned_data, **text.cleaned_data}
        given["template_format"] = given["template_format"] or "simple"
        try:
            prompt = Prompt.create(by=by, **given)
        except (ValidationError, BadInput) as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{prompt.name} is there, with v1.0 as a draft.")
            return redirect("versions:prompt_detail", prompt.name)
    context = {"form": form, "text": text, "kind": kind}
    return render(request, "versions/prompt_form.html", context, status=422 if form.errors or text.errors else 200)


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, name: str) -> HttpResponse:
    """Title, description, tags and the like; what agents rely on is fixed once a version has left DEV."""
    prompt, by = find_prompt(name), person(request)
    by.require("versions.change_prompt")
    form = PromptForm.of(prompt, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            given = dict(form.cleaned_data)
            if "name" in given and not given["name"]:
                del given["name"]
            prompt = prompt.change(by=by, **given)
        except (ValidationError, Refusal) as error:
            add_errors(form, error)
        else:
            messages.success(request, "Saved.")
            return redirect("versions:prompt_detail", prompt.name)
    context = {"form": form, "prompt": prompt}
    return render(request, "versions/prompt_change.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request: HttpRequest, name: str) -> HttpResponse:
    """Hide a prompt from lists, or show it again."""
    prompt, by = find_prompt(name), person(request)
    by.require("versions.change_prompt")
    hide = request.POST.get("archived") == "1"
    prompt.archive(by=by, archived=hide)
    messages.success(request, f"{name} is archived. What it serves stays." if hide else f"{name} is back in the lists.")
    return redirect("versions:prompt_detail", name)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a prompt that has drafts only, after a question."""
    prompt, by = find_prompt(name), person(request)
    by.require("versions.delete_prompt")
    if request.method == "GET":
        return render(request, "versions/prompt_delete.html", {"prompt": prompt, "stays": prompt.has_left_dev()})
    prompt.remove(by=by)
    messages.success(request, f"{name} is deleted. Its history stays in the ledger.")
    return redirect("versions:prompt_list")


@require_http_methods(["GET", "POST"])
def first_draft(request: HttpRequest, name: str) -> HttpResponse:
    """The first text of a prompt that has none."""
    prompt, by = find_prompt(name), person(request)
    by.require("versions.create_promptversion")
    prompt.require_mode(Mode.FULL)
    form = TextForm(request.POST or None, kind=prompt.type)
    if request.method == "POST" and not form.rearranging and form.is_valid():
        given = form.cleaned_data
        prompt.first_draft(
            by=by, text=given["template_source"], config=given["config"], commit_message=given["commit_message"]
        )
        return redirect("versions:prompt_detail", name)
    context = {"prompt": prompt, "form": form}
    return render(request, "versions/first_draft.html", context, status=422 if form.errors else 200)
