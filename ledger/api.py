"""The ledger as JSON (SPEC 9, shape Event)."""

import re
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import query
from common.errors import NotFound
from common.pagination import Pages
from ledger.models import LedgerEvent


class EventShape(serializers.ModelSerializer):
    """One event."""

    prompt = serializers.CharField(allow_null=True)
    detail = serializers.DictField()

    class Meta:
        model = LedgerEvent
        fields = (
            "id", "at", "actor", "actor_kind", "api_key", "action", "agent", "prompt", "version", "label",
            "from_stage", "to_stage", "replaced", "reason", "before_hash", "after_hash", "hash", "previous_hash",
            "chain", "sequence", "detail",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            name: {"allow_null": True}
            for name in ("api_key", "agent", "label", "from_stage", "to_stage", "before_hash", "after_hash")
        }

    def to_representation(self, event: LedgerEvent) -> dict[str, Any]:
        """What does not apply to an event is null."""
        shown = super().to_representation(event)
        return {key: None if value == "" and key not in ("reason", "previous_hash") else value
                for key, value in shown.items()}  # fmt: skip


def of_prompt(name: str) -> QuerySet[LedgerEvent]:
    """The events of the prompt that bears, or last bore, this name: those under its earlier names too.

    Raises NotFound for a name that no prompt ever had.
    """
    last = LedgerEvent.objects.filter(prompt=name).order_by("-id").first()
    if last is None:
        raise NotFound(f"Prompt '{name}' not found")
    return LedgerEvent.objects.filter(prompt_id=last.prompt_id)


def filtered(request: Request, rows: QuerySet[LedgerEvent]) -> QuerySet[LedgerEvent]:
    """The events that the query asks for, newest first."""
    given = request.query_params
    for name in ("actor", "action", "prompt", "agent", "label"):
        if value := given.get(name):
            rows = rows.filter(**{name: value})
    if (version := query.optional_number(given, "version")) is not None:
        rows = rows.filter(version=version)
    if since := query.instant(given, "since"):
        rows = rows.filter(at__gte=since)
    if until := query.instant(given, "until"):
        rows = rows.filter(at__lt=until)
    return rows.order_by("-at", "-id")


PARAMETERS = [
    *(OpenApiParameter(name, str) for name in ("actor", "action", "prompt", "agent", "label", "since", "until")),
    *(OpenApiParameter(name, int) for name in ("version", "page", "page_size")),
]


class EventList(APIView):
    """GET /v1/events and /v1/prompts/{name}/events."""

    needs = {"GET": "ledger.view_ledgerevent"}
    pagination_class = Pages

    @extend_schema(parameters=PARAMETERS, responses=EventShape(many=True))
    def get(self, request: Request, name: str | None = None) -> Response:
        """Events, newest first; of one prompt, also after it was deleted."""
        rows = LedgerEvent.objects.all()
        if name is not None:
            rows = of_prompt(name)
        pages = Pages()
        return pages.get_paginated_response(
            EventShape(pages.paginate_queryset(filtered(request, rows), request), many=True).data
        )


class EventDetail(APIView):
    """GET /v1/events/{id}."""

    needs = {"GET": "ledger.view_ledgerevent"}

    @extend_schema(responses=EventShape)
    def get(self, request: Request, event: str) -> Response:
        """One event."""
        number = int(event) if re.fullmatch("[1-9][0-9]{0,17}", event) else 0
        found = LedgerEvent.objects.filter(pk=number).first()
        if found is None:
            raise NotFound(f"There is no event '{event}'")
        return Response(EventShape(found).data)
