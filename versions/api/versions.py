"""Versions: list, create, read, edit, and every press of a button."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import person
from accounts.permissions import ASKED
from common import query
from common.errors import BadInput
from common.pagination import Pages
from common.serializers import read, reused
from versions import diffs, gates
from versions.actions import perform
from versions.api.lookup import etag, find_again, find_prompt, find_to_press, find_version, seen_by, shown
from versions.api.replies import DiffReply, GateReply
from versions.api.shapes import (
    Approval,
    CreateNew,
    NewVersion,
    Press,
    Promotion,
    RollbackReason,
    RollbackTo,
    SetActive,
    VersionEdit,
    VersionShape,
)
from versions.exceptions import StaleView
from versions.models import PromptVersion
from versions.stages import Stage

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag that was seen, or its revision: 412 if it is past."
)


def answer(version: PromptVersion, request: Request, status: int = 200) -> Response:
    """A version as it is now, as JSON."""
    return reply(find_again(version), request, status)


def reply(version: PromptVersion, request: Request, status: int = 200) -> Response:
    """A version that was read a moment ago as JSON, with the ETag that If-Match takes."""
    with reused(VersionShape, request=request) as shape:
        body = shape.to_representation(version)
    headers = {"ETag": etag(version)}
    if status == 201:
        headers["Location"] = f"/v1{version.path}"
    return Response(body, status=status, headers=headers)


def press(name: str, request: Request, version: PromptVersion, data: dict[str, Any]) -> Any:
    """perform() for the API: what the caller saw comes from the body or If-Match, whose refusal is a 412."""
    seen, by_header = seen_by(request, version, data)
    try:
        return perform(name, version, by=person(request), seen=seen, **data)
    except StaleView as stale:
        if by_header:
            stale.status, stale.code = 412, "precondition_failed"
        raise


class VersionList(APIView):
    """The versions of a prompt."""

    needs = {"POST": ASKED}
    pagination_class = Pages

    @extend_schema(
        responses=VersionShape(many=True),
        parameters=[
            OpenApiParameter("stage", str, enum=Stage.values),
            OpenApiParameter("archived", bool),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
    )
    def get(self, request: Request, name: str) -> Response:
        """Versions, newest first. Archived drafts only with `archived=1`."""
        prompt = find_prompt(name)
        rows = shown().filter(prompt=prompt).newest_first()
        if stage := query.choice(request.query_params, "stage", Stage.values):
            rows = rows.filter(stage=stage)
        if not query.flag(request.query_params, "archived"):
            rows = rows.current()
        pages = Pages()
        page = pages.paginate_queryset(rows, request)
        return pages.get_paginated_response(VersionShape(page, many=True, context={"request": request}).data)

    @extend_schema(request=NewVersion, responses={201: VersionShape})
    def post(self, request: Request, name: str) -> Response:
        """The next version as a DEV draft: from `from`, else from what is in production, else from the newest."""
        data = read(NewVersion, request)
        prompt, reference = find_prompt(name), data.pop("from", None)
        source = find_to_press(name, reference) if reference else self._source(prompt)
        if source is not None:
            return answer(press("create", request, source, data), request, 201)
        person(request).require("versions.create_promptversion")
        if "template_source" not in data:
            raise BadInput(
                "This prompt has no version yet: send template_source.",
                errors={"template_source": ["Required."]},
            )
        first = prompt.first_draft(
            by=person(request),
            text=data["template_source"],
            config=data.get("config", {}),
            commit_message=data.get("commit_message", ""),
        )
        return answer(first, request, 201)

    def _source(self, prompt: Any) -> PromptVersion | None:
        rows = prompt.versions.select_related("prompt")
        return (prompt.production and rows.get(pk=prompt.production.pk)) or rows.newest_first().first()


class VersionDetail(APIView):
    """One version."""

    needs = {"PATCH": ASKED, "DELETE": ASKED}

    @extend_schema(responses=VersionShape)
    def get(self, request: Request, name: str, version: str) -> Response:
        """One version, by `2.3`, `v2.3` or the integer."""
        return reply(find_version(name, version), request)

    @extend_schema(parameters=[IF_MATCH], request=VersionEdit, responses=VersionShape)
    def patch(self, request: Request, name: str, version: str) -> Response:
        """Edit a draft in place. `revision` (409) or If-Match (412) refuses a stale edit, with both texts."""
        found = find_to_press(name, version)
        data = read(
            VersionEdit,
            request,
            shown=lambda: VersionShape(find_version(name, version), context={"request": request}).data,
        )
        return answer(press("edit", request, found, data), request)

    @extend_schema(parameters=[IF_MATCH], responses={204: None})
    def delete(self, request: Request, name: str, version: str) -> Response:
        """Remove a DEV draft for good. A body may say what was seen, as with every press."""
        press("delete", request, find_to_press(name, version), read(Press, request))
        return Response(status=204)


class Promote(APIView):
    """POST …/promote."""

    needs = {"POST": ASKED}

    @extend_schema(parameters=[IF_MATCH], request=Promotion, responses=VersionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Move one stage on. `to` is required: it says which stage the caller saw."""
        found = find_to_press(name, version)
        return answer(press("promote", request, found, read(Promotion, request)), request)


class MakeActive(APIView):
    """POST …/set-active."""

    needs = {"POST": ASKED}

    @extend_schema(parameters=[IF_MATCH], request=SetActive, responses=VersionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Make this what agents get: in TST it is promoted to PRD, in PRD nothing is to do, else it is a 409."""
        found = find_to_press(name, version)
        return answer(press("set_active", request, found, read(SetActive, request)), request)


class Approve(APIView):
    """POST …/approve."""

    needs = {"POST": ASKED}

    @extend_schema(parameters=[IF_MATCH], request=Approval, responses=VersionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Say that this version may go to production, as somebody who had no hand in it. An edit voids it."""
        found = find_to_press(name, version)
        return answer(press("approve", request, found, read(Approval, request)), request)


class Gate(APIView):
    """GET …/gate."""

    @extend_schema(responses=GateReply)
    def get(self, request: Request, name: str, version: str) -> Response:
        """What stands between this version and production now: every condition, met or not."""
        found = gates.ask(find_version(name, version))
        return Response({
            "passed": all(condition.met for condition in found),
            "conditions": [condition.as_json() for condition in found],
        })  # fmt: skip


class PressView(APIView):
    """POST of a press that leaves the version there: archive, unarchive."""

    needs = {"POST": ASKED}
    button = ""

    @extend_schema(parameters=[IF_MATCH], request=Press, responses=VersionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Hide a draft from the lists, or show it again: its stage stays as it is."""
        found = find_to_press(name, version)
        return answer(press(self.button, request, found, read(Press, request)), request)


class Create(APIView):
    """POST …/create-new."""

    needs = {"POST": ASKED}

    @extend_schema(parameters=[IF_MATCH], request=CreateNew, responses={201: VersionShape})
    def post(self, request: Request, name: str, version: str) -> Response:
        """The next version as a DEV draft with this one's content, or with what is sent."""
        found = find_to_press(name, version)
        return answer(press("create", request, found, read(CreateNew, request)), request, 201)


class Diff(APIView):
    """GET …/diff?against=."""

    @extend_schema(parameters=[OpenApiParameter("against", str)], responses=DiffReply)
    def get(self, request: Request, name: str, version: str) -> Response:
        """What changed from `against` (default: what is in production, else the version before) to this version."""
        new = find_version(name, version)
        reference = request.query_params.get("against")
        if reference:
            old = find_version(name, reference)
        else:
            earlier = PromptVersion.objects.filter(prompt=new.prompt, version__lt=new.version)
            old = new.prompt.production or earlier.newest_first().first() or new
            old.prompt = new.prompt
        return Response(diffs.compare(old, new))


class Rollback(APIView):
    """POST /v1/prompts/{name}/rollback."""

    needs = {"POST": ASKED}

    @extend_schema(request=RollbackTo, responses={201: VersionShape})
    def post(self, request: Request, name: str) -> Response:
        """A new version with the text of `to` goes to production, forward only; the answer is that version."""
        data = read(RollbackTo, request)
        found = find_to_press(find_prompt(name).name, data.pop("to"))
        return answer(press("rollback", request, found, data), request, 201)


class RollbackToThis(APIView):
    """POST …/versions/{v}/rollback: the same, as the row's button sends it."""

    needs = {"POST": ASKED}

    @extend_schema(parameters=[IF_MATCH], request=RollbackReason, responses={201: VersionShape})
    def post(self, request: Request, name: str, version: str) -> Response:
        """A new version with this retired text goes to production, forward only; the answer is that version."""
        found = find_to_press(name, version)
        return answer(press("rollback", request, found, read(RollbackReason, request)), request, 201)
