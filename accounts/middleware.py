"""The doors of the pages: local mode opens them for one person, otherwise one signs in first (SPEC 10)."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django_htmx.middleware import HtmxDetails

from accounts.actors import person
from accounts.local import from_this_machine, local_user
from accounts.permissions import TO_LOOK

Answer = Callable[[HttpRequest], HttpResponse]

# No pages: the API and the metrics guard themselves (accounts/authentication.py), health says nothing that needs it.
NO_PAGES = ("/v1/", "/health", "/metrics", "/static/", "/favicon.ico")
# Where one signs in.
OPEN = (*NO_PAGES, "/login/", "/account/2fa/authenticate/")
# Where somebody who is in no group still may go.
FOR_ALL = ("/account/", "/logout/", "/local/", "/admin/")


class LocalMode:
    """Signs the local person in at the first page. Peers from elsewhere get nothing."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.LOCAL_MODE:
            if not from_this_machine(request):
                raise PermissionDenied("Local mode answers this machine only.")
            if not request.user.is_authenticated and not request.path.startswith(NO_PAGES):
                login(request, local_user(), backend=settings.AUTHENTICATION_BACKENDS[0])
        return self.get_response(request)


class SignInFirst:
    """Closed by default: a page that is not in OPEN needs somebody who is signed in and may look."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(OPEN):
            if not request.user.is_authenticated:
                return self._to_login(request)
            if not request.path.startswith(FOR_ALL) and not person(request).may(TO_LOOK):
                raise PermissionDenied("Your account is in no group yet. Ask an admin for a role.")
        return self.get_response(request)

    def _to_login(self, request: HttpRequest) -> HttpResponse:
        htmx = HtmxDetails(request)
        back = _page_behind(htmx) if htmx else request.get_full_path()
        target = f"{settings.LOGIN_URL}?{urlencode({'next': back})}"
        return HttpResponse(status=401, headers={"HX-Redirect": target}) if htmx else HttpResponseRedirect(target)


def _page_behind(htmx: HtmxDetails) -> str:
    """htmx asks for parts of a page: one comes back to the page itself."""
    try:
        return htmx.current_url_abs_path or "/"
    except ValueError:
        return "/"
