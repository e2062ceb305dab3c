"""The buttons of a notice, and the page of everything that the program does by itself."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.actors import person
from evaluations import switch
from evaluations.alerts import BY
from evaluations.models import Notice
from evaluations.notices import answering
from ledger.models import LedgerEvent
from versions import content

PAGE = 25
LATELY = 20


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Whether automation is on, what is to be looked at, and what the program did lately."""
    rows = Notice.objects.filter(resolved_at=None).select_related("prompt", "target")
    return render(request, "evaluations/automation.html", {
        "on": switch.on(),
        "may_switch": person(request).may(switch.PERMISSION),
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "events": LedgerEvent.objects.filter(actor=BY.name).order_by("-at", "-id")[:LATELY],
    })  # fmt: skip


@require_POST
def turn(request: HttpRequest) -> HttpResponse:
    """The kill switch."""
    by = person(request)
    by.require(switch.PERMISSION)
    to = request.POST.get("to") == "on"
    switch.turn(to, by=by, reason=content.check_message(request.POST.get("reason", ""), "reason"))
    messages.success(request, f"Automation is {'on' if to else 'off'}.")
    return redirect("notices:page")


@require_POST
def dismiss(request: HttpRequest, notice: int) -> HttpResponse:
    """Take note of it."""
    found = answering.find(notice)
    answering.dismiss(found, by=person(request), reason=request.POST.get("reason", ""))
    messages.success(request, f"The notice about {found.prompt.name} {found.label} is dismissed.")
    return redirect(_back(request, reverse("versions:prompt_detail", args=[found.prompt.name])))


@require_POST
def approve(request: HttpRequest, notice: int) -> HttpResponse:
    """Do what it proposes."""
    done = answering.approve(answering.find(notice), by=person(request))
    messages.success(request, f"{done.label} is in production now.")
    return redirect(reverse("versions:version_detail", args=[done.prompt.name, done.label]))


def _back(request: HttpRequest, otherwise: str) -> str:
    back = request.POST.get("next", "")
    return back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else otherwise
