"""What is live, by the prompt's name: the text, and the text filled in."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common import query
from common.serializers import JSONObject, StrictSerializer, read
from versions import serving, templating
from versions.api.lookup import find_prompt
from versions.api.replies import RenderReply, ServedReply
from versions.models import PromptVersion
from versions.stages import Stage

WHICH = [OpenApiParameter("stage", str, enum=Stage.values), OpenApiParameter("version", str)]

IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag that is known: 304 while it is what is live."
)


def asked_for(request: Request, name: str) -> PromptVersion:
    """The version that name and query ask for."""
    stage = query.choice(request.query_params, "stage", Stage.values)
    return serving.resolve(find_prompt(name), stage=stage, version=request.query_params.get("version", ""))


class Active(APIView):
    """GET /v1/prompts/{name}/active."""

    @extend_schema(parameters=[*WHICH, IF_NONE_MATCH], responses={200: ServedReply, 304: None})
    def get(self, request: Request, name: str) -> Response:
        """The version in production; `stage` or `version` asks for another. ETag and 304."""
        body = serving.served(asked_for(request, name))
        tag = serving.etag(body)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
        if tag in known or known == ["*"]:
            return Response(status=304, headers=headers)
        return Response(body, headers=headers)


class Values(StrictSerializer):
    """What fills a template."""

    variables = JSONObject(required=False)


class Render(APIView):
    """POST /v1/prompts/{name}/render."""

    needs = {"POST": "versions.view_prompt"}

    @extend_schema(parameters=WHICH, request=Values, responses=RenderReply)
    def post(self, request: Request, name: str) -> Response:
        """The filled text, or the filled messages of a chat. Missing variables: 400 that names them all."""
        version = asked_for(request, name)
        filled: Any = templating.render(
            version.template_source,
            read(Values, request).get("variables", {}),
            kind=version.prompt.type,
            style=version.prompt.template_format,
        )
        key = "messages" if version.prompt.type == "chat" else "text"
        said = {
            "prompt": version.prompt.name,
            "version": version.version,
            "label": version.label,
            key: filled,
        }
        return Response({**said, "stage": version.stage, "checksum_hash": version.checksum_hash})
