"""The first page."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.models import Agent
from ledger.models import LedgerEvent
from versions.models import Prompt, PromptVersion
from versions.stages import Stage

SLOTS = 6
AGENTS, EVENTS, LOOSE = 60, 10, 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Agents with what is live, how many versions stand where, and what changed lately."""
    agents = Agent.objects.current().with_numbers().with_live(most=SLOTS)
    if search := request.GET.get("search", ""):
        agents = agents.filter(name__icontains=search)
    counts = PromptVersion.objects.current().aggregate(
        **{stage: Count("pk", filter=Q(stage=stage)) for stage in Stage.values}
    )
    loose = list(Prompt.objects.current().filter(agent=None).for_lists()[: LOOSE + 1])
    context = {
        "search": search,
        "agents": agents[:AGENTS],
        "agents_count": agents.count(),
        "loose": loose[:LOOSE],
        "more_loose": len(loose) > LOOSE,
        "tiles": [(stage, stage.label, counts[stage.value]) for stage in Stage],
        "events": LedgerEvent.objects.order_by("-at", "-id")[:EVENTS],
    }
    return render(request, "home.html", context)
