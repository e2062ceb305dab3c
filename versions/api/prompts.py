"""Prompts: list, create, read, put, change, delete; what is live; the history S1 asks for."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from agents.models import Agent
from common.errors import NotFound
from common.pagination import Pages
from common.serializers import read
from versions import policy, putting
from versions.api.lookup import find_prompt
from versions.api.replies import HistoryReply, KeptTextReply, PutReply
from versions.api.shapes import NewPrompt, PromptChange, PromptShape, PutPrompt
from versions.filters import ORDERINGS, filtered
from versions.models import Prompt, PromptVersion, SavedText
from versions.models.prompt import Mode
from versions.stages import Stage

NEW, CHANGE, DELETE = "versions.add_prompt", "versions.change_prompt", "versions.delete_prompt"
DRAFT = "versions.create_promptversion"


def answer(prompt: Prompt, request: Request, status: int = 200) -> Response:
    """A prompt as JSON."""
    return Response(shown(prompt, request), status=status)


def shown(prompt: Prompt, request: Request) -> dict[str, Any]:
    """What a GET of this prompt answers."""
    fresh = Prompt.objects.for_lists().get(pk=prompt.pk)
    return PromptShape(fresh, context={"request": request}).data


def with_agent(data: dict[str, Any]) -> dict[str, Any]:
    """Replace the agent's name by the agent. Raises ValidationError for one that is not there."""
    if data.get("agent"):
        agent = Agent.objects.filter(name=data["agent"]).first()
        if agent is None:
            raise ValidationError({"agent": f"There is no agent '{data['agent']}'. Create it first."})
        data["agent"] = agent
    elif "agent" in data:
        data["agent"] = None
    return data


class PromptList(APIView):
    """Prompts."""

    needs = {"POST": NEW}
    pagination_class = Pages

    @extend_schema(
        responses=PromptShape(many=True),
        parameters=[
            *(OpenApiParameter(name, str) for name in ("search", "agent", "status_key", "tag")),
            OpenApiParameter("mode", str, enum=Mode.values),
            OpenApiParameter("stage", str, enum=Stage.values),
            OpenApiParameter("ordering", str, enum=[*ORDERINGS, *(f"-{name}" for name in ORDERINGS)]),
            OpenApiParameter("archived", bool),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """Prompts by name, with filters and pages."""
        pages = Pages()
        rows = pages.paginate_queryset(filtered(request.query_params, Prompt.objects.for_lists()), request)
        return pages.get_paginated_response(PromptShape(rows, many=True, context={"request": request}).data)

    @extend_schema(request=NewPrompt, responses={201: PromptShape})
    def post(self, request: Request) -> Response:
        """A new full-mode prompt; with a text (or messages) it gets v1.0 as a DEV draft."""
        by, data = person(request), with_agent(read(NewPrompt, request))
        if data.get("template_source") is not None:
            by.require(DRAFT)
        return answer(Prompt.create(by=by, **data), request, 201)


class PromptDetail(APIView):
    """One prompt."""

    needs = {"PUT": "versions.edit_promptversion", "PATCH": CHANGE, "DELETE": DELETE}

    @extend_schema(responses=PromptShape)
    def get(self, request: Request, name: str) -> Response:
        """One prompt."""
        found = find_prompt(name, Prompt.objects.for_lists())
        return Response(PromptShape(found, context={"request": request}).data)

    @extend_schema(request=PutPrompt, responses={200: PutReply, 201: PutReply})
    def put(self, request: Request, name: str) -> Response:
        """Create or update in full mode: a new prompt with v1.0, the newest DEV draft edited, or the next version."""
        by = person(request)
        data = read(PutPrompt, request, shown=lambda: {"name": name, "mode": Mode.FULL})
        if "template_source" not in data:
            raise ValidationError({"template_source": "This field is required."})
        by.require(DRAFT)
        if not Prompt.objects.filter(name=name).exists():
            by.require(NEW)
        elif any(data.get(field) is not None for field in putting.DESCRIPTIVE):
            by.require(CHANGE)
        done = putting.put(name, by=by, text=data.pop("template_source"), **data)
        body = {
            "prompt": {"prompt_id": done.prompt.pk, "name": done.prompt.name},
            "version": {
                "version_id": done.version.pk,
                "version_number": done.version.version,
                "label": done.version.label,
                "stage": done.version.stage,
            },
            "version_change": done.change,
        }
        return Response(body, status=201 if done.change == "created" else 200)

    @extend_schema(request=PromptChange, responses=PromptShape)
    def patch(self, request: Request, name: str) -> Response:
        """Change metadata; what decides what an agent gets is fixed once a version has left DEV (409)."""
        prompt = find_prompt(name)
        data = with_agent(read(PromptChange, request, shown=lambda: shown(prompt, request)))
        if "evaluation" in data:
            data["evaluation"] = policy.merged(prompt, data["evaluation"])
        archived = data.pop("archived", None)
        with transaction.atomic():
            changed = prompt.change(by=person(request), **data)
            if archived is not None:
                changed = changed.archive(by=person(request), archived=archived)
        return answer(changed, request)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Delete a prompt that has drafts only; once a version has left DEV this is a 409."""
        find_prompt(name).remove(by=person(request))
        return Response(status=204)


def runs() -> Coalesce:
    """How often a version was executed. A subquery: grouping would have the database compare whole texts."""
    executions = PromptVersion._meta.get_field("executions").related_model._default_manager
    counted = executions.filter(version=OuterRef("pk")).order_by().values("version").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


class History(APIView):
    """GET /v1/prompts/{name}/history (S1-43 to S1-47)."""

    @extend_schema(responses=HistoryReply)
    def get(self, request: Request, name: str) -> Response:
        """The versions, newest first, each with how often it was executed; both modes."""
        prompt = Prompt.objects.filter(name=name).first()
        if prompt is None:
            raise NotFound("Prompt not found")
        rows = list(prompt.versions.newest_first().annotate(runs=runs()))
        live = [row.version for row in rows if row.is_active]
        body = {
            "prompt_name": prompt.name,
            "mode": prompt.mode,
            "current_version": live[0] if live else None,
            "latest_version": rows[0].version if rows else None,
            "versions": [
                {
                    "version": row.version,
                    "label": row.label,
                    "stage": row.stage,
                    "template_hash": row.checksum_hash,
                    "template_source": row.template_source,
                    "created_at": row.created_at,
                    "execution_count": row.runs,
                }
                for row in rows
            ],
        }
        return Response(body)


class KeptText(APIView):
    """GET /v1/prompts/{name}/texts/{content_hash}: any text that the ledger's hashes speak of."""

    @extend_schema(responses=KeptTextReply)
    def get(self, request: Request, name: str, content_hash: str) -> Response:
        """The text and config that a version of this prompt has or had."""
        found = SavedText.find(find_prompt(name).pk, content_hash)
        if found is None:
            raise NotFound("No text with this hash was ever kept.")
        return Response({"content_hash": content_hash, **found})
