"""Agents as JSON (SPEC 9)."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from agents.models import Agent
from common import query
from common.errors import NotFound
from common.pagination import Pages
from common.serializers import StrictSerializer, Text, read


class AgentShape(serializers.ModelSerializer):
    """An agent; `active_default_prompt_id` is the version in production under its primary status key."""

    active_default_prompt_id = serializers.IntegerField(allow_null=True)
    prompts_count = serializers.IntegerField()
    archived = serializers.SerializerMethodField()

    class Meta:
        model = Agent
        fields = ("id", "name", "description", "primary_status_key", "active_default_prompt_id", "prompts_count",
                  "archived", "created_at")  # fmt: skip
        read_only_fields = fields

    def get_archived(self, agent: Agent) -> bool:
        return agent.archived_at is not None


class AgentChange(StrictSerializer):
    """PATCH of an agent."""

    echoed = frozenset(AgentShape.Meta.fields)
    description = Text(required=False, max_length=20_000)
    primary_status_key = Text(required=False, max_length=255, allow_blank=False)
    archived = serializers.BooleanField(required=False)


class NewAgent(AgentChange):
    """POST of an agent."""

    name = Text(max_length=255)
    archived = None


def rows() -> Any:
    """Agents with what their shape needs, in a fixed number of queries."""
    return Agent.objects.with_numbers().order_by("name")


def find(name: str) -> Agent:
    """Return the agent of this name, or raise NotFound."""
    found = Agent.objects.filter(name=name).first()
    if found is None:
        raise NotFound(f"Agent '{name}' not found")
    return found


def answer(agent: Agent, status: int = 200) -> Response:
    """An agent as JSON."""
    return Response(shown(agent), status=status)


def shown(agent: Agent) -> dict[str, Any]:
    """What a GET of this agent answers."""
    return AgentShape(rows().get(pk=agent.pk)).data


class AgentList(APIView):
    """Agents."""

    needs = {"POST": "agents.add_agent"}
    pagination_class = Pages

    @extend_schema(
        responses=AgentShape(many=True),
        parameters=[OpenApiParameter("search", str), OpenApiParameter("archived", bool), OpenApiParameter("page", int),
                    OpenApiParameter("page_size", int)],
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Agents by name; archived ones only with `archived=1`."""
        archived = query.flag(request.query_params, "archived")
        found = rows().filter(archived_at__isnull=not archived)
        if search := request.query_params.get("search"):
            found = found.filter(name__icontains=search)
        pages = Pages()
        return pages.get_paginated_response(AgentShape(pages.paginate_queryset(found, request), many=True).data)

    @extend_schema(request=NewAgent, responses={201: AgentShape})
    def post(self, request: Request) -> Response:
        """A new agent."""
        return answer(Agent.create(by=person(request), **read(NewAgent, request)), 201)


class AgentDetail(APIView):
    """One agent."""

    needs = {"PATCH": "agents.change_agent", "DELETE": "agents.delete_agent"}

    @extend_schema(responses=AgentShape)
    def get(self, request: Request, agent: str) -> Response:
        """One agent."""
        return answer(find(agent))

    @extend_schema(request=AgentChange, responses=AgentShape)
    def patch(self, request: Request, agent: str) -> Response:
        """Change description or primary status key; `archived` hides it or shows it again."""
        found = find(agent)
        data = read(AgentChange, request, shown=lambda: shown(found))
        archived = data.pop("archived", None)
        with transaction.atomic():
            changed = found.change(by=person(request), **data)
            if archived is not None:
                changed = changed.archive(by=person(request), archived=archived)
        return answer(changed)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, agent: str) -> Response:
        """Delete an agent and its drafts; 409 once one of its versions has left DEV."""
        find(agent).remove(by=person(request))
        return Response(status=204)
