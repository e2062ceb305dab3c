"""The doors of the pages: local mode opens them for one person, otherwise one signs in first (SPEC 10)."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.actors import person
from accounts.local import from_this_machine, local_user
from accounts.permissions import TO_LOOK

Answer = Callable[[HttpRequest], HttpResponse]

# The API guards itself (accounts/authentication.py); health says nothing that needs guarding.
OPEN = ("/login/", "/v1/", "/health", "/static/", "/favicon.ico", "/account/2fa/authenticate/")
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
            if not request.user.is_authenticated and not request.path.startswith(OPEN):
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
        target = f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}"
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401, headers={"HX-Redirect": settings.LOGIN_URL})
        return HttpResponseRedirect(target)
