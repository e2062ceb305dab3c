"""GET /metrics for Prometheus: counted over the database, so right whichever process answers (docs/telemetry.md).

Closed by default: an API key with the scope to read, somebody who is signed in and may look, local mode, or
METRICS_TOKEN, which opens this one address and nothing else.
"""

import hmac
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.authentication import ApiKeyAuthentication, PersonSession
from accounts.permissions import MayReadOrIsAskedByView

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


class Scraper:
    """Who asks with METRICS_TOKEN: nobody else's account."""

    is_authenticated = True
    pk = None


class ByMetricsToken(BaseAuthentication):
    """`Authorization: Bearer METRICS_TOKEN`. Anything else is left to the keys."""

    def authenticate(self, request: Request) -> tuple[Scraper, None] | None:
        """Return (scraper, None), or None where another token or none was sent."""
        token = settings.METRICS_TOKEN
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(sent.strip().encode(), token.encode())
        return (Scraper(), None) if token and same and scheme.lower() == "bearer" else None

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing sign-in a 401, not a 403."""
        return 'Bearer realm="PromptLedger"'


class MayScrape(MayReadOrIsAskedByView):
    """The token opens this view; everybody else needs what any reader needs."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Raise Forbidden (403) with the reason; return False for nobody (401)."""
        return isinstance(request.user, Scraper) or super().has_permission(request, view)


class Metrics(APIView):
    """GET /metrics."""

    authentication_classes = (ByMetricsToken, ApiKeyAuthentication, PersonSession)
    permission_classes = (MayScrape,)
    needs = {"GET": "executions.view_execution"}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        """Every metric in the format that Prometheus and OpenMetrics scrapers ask for by Accept."""
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        registry = CollectorRegistry(auto_describe=False)
        registry.register(Collector())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(registry), content_type=content_type)


class Collector:
    """What prometheus-client asks when it writes an answer."""

    def collect(self) -> "Iterator[Metric]":
        """Yield every metric."""
        from promptledger import measured

        yield from measured.everything()
