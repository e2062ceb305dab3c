"""How the API knows who calls: a key in a header, a browser session with CSRF, or local mode (SPEC 9, 10)."""

import hmac
from typing import Any

from django.db.models import DateTimeField
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from accounts import keys
from accounts.local import from_own_pages, from_this_machine, local_user
from accounts.models import ApiKey
from common.prepared import Given, Prepared

USABLE = Prepared(
    lambda: ApiKey.objects.usable(Given("now", DateTimeField())).select_related("user").filter(prefix=Given("prefix"))
)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY` or `X-API-Key: KEY`. Every bad key gets the same answer."""

    def authenticate(self, request: Any) -> tuple[Any, ApiKey] | None:
        """Return (user, key); None where no key was sent. Raises AuthenticationFailed (401)."""
        sent = self._sent(request)
        if not sent:
            return None
        if len(set(sent)) > 1:
            raise AuthenticationFailed("Two different API keys were sent. Send one.", code="invalid_key")
        prefix = keys.prefix_of(sent[0])
        row = USABLE.first(prefix=prefix, now=timezone.now()) if prefix else None
        if row is None or not hmac.compare_digest(row.digest, keys.digest(sent[0])):
            raise AuthenticationFailed("This API key is unknown, expired or revoked.", code="invalid_key")
        row.note_use()
        return row.user, row

    def authenticate_header(self, request: Any) -> str:
        """Makes a missing sign-in a 401, not a 403."""
        return 'Bearer realm="PromptLedger"'

    def _sent(self, request: Any) -> list[str]:
        found = []
        # An empty one counts as sent: the web server makes that of bytes that are no text.
        if "Authorization" in request.headers:
            scheme, _, value = request.headers["Authorization"].partition(" ")
            if scheme.lower() != "bearer":
                raise AuthenticationFailed("Send the key as `Authorization: Bearer KEY`.", code="invalid_key")
            found.append(value.strip())
        if "X-API-Key" in request.headers:
            found.append(request.headers["X-API-Key"].strip())
        return found


class PersonSession(SessionAuthentication):
    """The browser's session, CSRF checked; in local mode, programs on this machine act as the local engineer."""

    def authenticate(self, request: Any) -> tuple[Any, None] | None:
        """Return (user, None), or None for nobody. Raises PermissionDenied where the CSRF token is missing."""
        signed_in = super().authenticate(request)
        if signed_in is None and from_this_machine(request) and from_own_pages(request):
            return local_user(), None
        return signed_in
