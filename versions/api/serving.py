"""What is live, by the prompt's name or by the agent's: the text, and the text filled in."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import query
from common.serializers import JSONObject, StrictSerializer, Text, read
from versions import edge, serving, templating
from versions.api.lookup import find_prompt
from versions.api.replies import AgentRenderReply, RenderReply, ServedReply
from versions.models import PromptVersion
from versions.stages import Stage

WHICH = [OpenApiParameter("stage", str, enum=Stage.values), OpenApiParameter("version", str)]
KEPT = frozenset({"status_key", "strict"})  # a draft, asked for by stage or version, changes without a new generation
SLOT = [OpenApiParameter("status_key", str), OpenApiParameter("strict", bool)]

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag that is known: 304 while it is what is live."
)


def asked_for(request: Request, name: str) -> PromptVersion:
    """The version that name and query ask for."""
    stage = query.choice(request.query_params, "stage", Stage.values)
    return serving.resolve(find_prompt(name), stage=stage, version=request.query_params.get("version", ""))


def answer(request: Request, body: dict[str, Any]) -> Response:
    """What is served, or 304 to a caller that has it already."""
    tag = serving.etag(body)
    if KEPT.issuperset(request.query_params):
        edge.keep(request, tag)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if serving.is_known(tag, request.headers.get("If-None-Match", "")):
        return Response(status=304, headers=headers)
    return Response(body, headers=headers)


def filled(version: PromptVersion, variables: dict[str, Any]) -> dict[str, Any]:
    """A version's text or messages with the variables in their places, and what it is."""
    prompt = version.prompt
    said: Any = templating.render(version.template_source, variables, kind=prompt.type, style=prompt.template_format)
    return {
        "prompt": prompt.name,
        "version": version.version,
        "label": version.label,
        "messages" if prompt.type == "chat" else "text": said,
        "stage": version.stage,
        "checksum_hash": version.checksum_hash,
    }


class Active(APIView):
    """GET /v1/prompts/{name}/active."""

    @extend_schema(parameters=[*WHICH, IF_NONE_MATCH], responses={200: ServedReply, 304: None})
    def get(self, request: Request, name: str) -> Response:
        """The version in production; `stage` or `version` asks for another. ETag and 304."""
        return answer(request, serving.served(asked_for(request, name)))


class AgentPrompt(APIView):
    """GET /v1/agents/{agent}/prompt."""

    @extend_schema(parameters=[*SLOT, IF_NONE_MATCH], responses={200: ServedReply, 304: None})
    def get(self, request: Request, agent: str) -> Response:
        """What an agent says under a status key, by default its primary one. ETag and 304.

        Where nothing is live under the key: the primary key, `default`, `NOT_REGISTERED`, in this order, unless
        `strict=1`; `served_status_key` names the one that served. Else 404, which names the keys that are live.
        """
        slot = serving.resolve_for_agent(
            agent,
            status_key=request.query_params.get("status_key", ""),
            strict=query.flag(request.query_params, "strict"),
        )
        return answer(request, serving.served(slot.version, status_key=slot.status_key))


class Values(StrictSerializer):
    """What fills a template."""

    variables = JSONObject(required=False)


class SlotValues(Values):
    """What fills the template of an agent's slot."""

    status_key = Text(required=False, max_length=255)
    strict = serializers.BooleanField(required=False)


class Render(APIView):
    """POST /v1/prompts/{name}/render."""

    needs = {"POST": "versions.view_prompt"}

    @extend_schema(parameters=WHICH, request=Values, responses=RenderReply)
    def post(self, request: Request, name: str) -> Response:
        """The filled text, or the filled messages of a chat. Missing variables: 400 that names them all."""
        version = asked_for(request, name)
        return Response(filled(version, read(Values, request).get("variables", {})))


class AgentRender(APIView):
    """POST /v1/agents/{agent}/render."""

    needs = {"POST": "versions.view_prompt"}

    @extend_schema(request=SlotValues, responses=AgentRenderReply)
    def post(self, request: Request, agent: str) -> Response:
        """What the agent says under a status key, filled in; found as by GET `/v1/agents/{agent}/prompt`."""
        data = read(SlotValues, request)
        slot = serving.resolve_for_agent(agent, status_key=data.get("status_key", ""), strict=data.get("strict", False))
        found = {"agent": agent, "status_key": slot.status_key, "served_status_key": slot.version.prompt.status_key}
        return Response(found | filled(slot.version, data.get("variables", {})))
