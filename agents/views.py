"""The pages of agents."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import person
from agents.forms import AgentForm
from agents.models import Agent
from common.errors import NotFound


def find(name: str) -> Agent:
    """Return the agent with its prompts, or raise NotFound."""
    found = Agent.objects.with_live().filter(name=name).first()
    if found is None:
        raise NotFound(f"Agent '{name}' not found")
    return found


@require_safe
def detail(request: HttpRequest, agent: str) -> HttpResponse:
    """An agent with its prompts by status key."""
    found = find(agent)
    slots = found.slots
    fallback = next((one for one in slots if one.status_key == found.primary_status_key and one.production), None)
    return render(request, "agents/detail.html", {"agent": found, "slots": slots, "fallback": fallback})


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """A new agent."""
    by = person(request)
    by.require("agents.add_agent")
    form = AgentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = Agent.create(by=by, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{made.name} is there. Give it its first prompt.")
            return redirect("agents:detail", made.name)
    return render(request, "agents/form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, agent: str) -> HttpResponse:
    """Description and primary status key."""
    found, by = find(agent), person(request)
    by.require("agents.change_agent")
    initial = {"description": found.description, "primary_status_key": found.primary_status_key}
    form = AgentForm(request.POST or None, initial=initial)
    del form.fields["name"]
    if request.method == "POST" and form.is_valid():
        found.change(by=by, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("agents:detail", found.name)
    return render(request, "agents/form.html", {"form": form, "agent": found}, status=422 if form.errors else 200)


@require_POST
def archive(request: HttpRequest, agent: str) -> HttpResponse:
    """Hide an agent from lists, or show it again."""
    found, by = find(agent), person(request)
    by.require("agents.change_agent")
    found.archive(by=by, archived=request.POST.get("archived") == "1")
    messages.success(request, "Done. What it serves stays as it is.")
    return redirect("agents:detail", found.name)


@require_POST
def delete(request: HttpRequest, agent: str) -> HttpResponse:
    """Delete an agent that has drafts only; the model refuses otherwise."""
    by = person(request)
    by.require("agents.delete_agent")
    find(agent).remove(by=by)
    messages.success(request, f"{agent} is deleted.")
    return redirect("home")
