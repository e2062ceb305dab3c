"""The main screen: the rail of a prompt's versions and one version, in whatever is being done with it."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.actors import person
from common.errors import Refusal
from common.htmx import page_or_part
from versions import gates, metadata
from versions.actions import buttons, more_buttons
from versions.api.lookup import find_version
from versions.models import PromptVersion
from versions.views.origin import origin

RAIL = 30


def address(version: PromptVersion, page: str = "version_detail") -> str:
    """The address of a version's page."""
    return reverse(f"versions:{page}", args=[version.prompt.name, version.label])


def show(
    request: HttpRequest, version: PromptVersion, doing: str = "", *, status: int = 200, **context: Any
) -> HttpResponse:
    """Render the screen with this version as it is now; `doing` is edit, test, conflict, or nothing but looking."""
    fresh = PromptVersion.objects.for_lists().with_id(version.pk) or version
    by = person(request)
    rail_page = request.GET.get("rail", "")
    rail = _rail(fresh, int(rail_page) if rail_page.isascii() and rail_page.isdigit() and len(rail_page) < 6 else 0)
    standing = buttons(fresh, by)
    said = {
        "version": fresh,
        "prompt": fresh.prompt,
        "origin": origin(fresh),
        "buttons": standing,
        "can_create": any(button.name == "create" and button.enabled for button in standing),
        "more": more_buttons(fresh, by),
        "lines": metadata.lines(fresh),
        "gate": gates.standing(fresh),
        "code_default": fresh.prompt.versions.code_default(),
        "variables": fresh.variables,
        "rail": rail,
        "doing": doing,
        **context,
    }
    url = address(fresh) if not doing else request.path
    return page_or_part(request, "versions/version.html", "screen", said, status=status, url=url)


def refused(
    request: HttpRequest, version: PromptVersion, refusal: Refusal, doing: str = "", **context: Any
) -> HttpResponse:
    """The screen as it is now, with what was refused and why; htmx and plain forms alike."""
    return show(request, version, doing, status=refusal.status, refusal=refusal, **context)


def find(name: str, label: str) -> PromptVersion:
    """Return the version of a page's address, or raise NotFound."""
    return find_version(name, label)


def _rail(version: PromptVersion, number: int) -> Any:
    """The page of the rail that this version is on, or the one asked for."""
    rows = PromptVersion.objects.filter(prompt=version.prompt).newest_first().defer("template_source", "config")
    if not number:
        newer = rows.filter(version__gt=version.version).count()
        number = newer // RAIL + 1
    return Paginator(rows, RAIL).get_page(number)
