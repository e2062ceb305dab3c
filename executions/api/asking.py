"""Running over JSON: a TEST, an execution of a prompt of either mode now or later, and stopping one."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from accounts.actors import person
from accounts.permissions import ASKED
from common.errors import BadInput
from common.serializers import read
from executions import running
from executions.api.reading import find
from executions.api.shapes import Asked, ExecuteBody, ExecutionShape, RunBody, TestRun
from executions.models import Execution, Mode
from versions import serving
from versions.api.lookup import find_prompt, find_version
from versions.api.versions import press
from versions.models import Prompt, PromptVersion
from versions.numbering import parse_reference

RUN = "executions.run_execution"
# What goes on to running.run as it came.
PASSED = ("variables", "provider", "model_name", "params", "environment", "idempotency_key", "correlation_id")
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER,
    description="A name for this request: sent again with the same body it gets the first result, and runs nothing.",
)  # fmt: skip


def answer(execution: Execution) -> Response:
    """A run as JSON."""
    return Response(ExecutionShape(execution).data)


class Test(APIView):
    """POST …/versions/{v}/test."""

    needs = {"POST": ASKED}

    @extend_schema(request=TestRun, responses=ExecutionShape)
    def post(self, request: Request, name: str, version: str) -> Response:
        """Run the saved text against the environment of its stage. Missing variables: 400; provider failure: 502."""
        found = find_version(name, version)
        return answer(press("test", request, found, read(TestRun, request)))


class Execute(APIView):
    """POST /v1/prompts/{name}/execute (S1-36 to S1-42)."""

    needs = {"POST": RUN}

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=ExecuteBody, responses=ExecutionShape)
    def post(self, request: Request, name: str) -> Response:
        """Run a tracking prompt: what is in production, or `version`. A full-mode prompt: 400."""
        prompt = find_prompt(name)
        prompt.require_mode("tracking")
        data = asked_by(request, ExecuteBody)
        return answer(execute(request, prompt, data, mode=data["mode"]))


class Run(APIView):
    """POST /v1/executions/run."""

    needs = {"POST": RUN}
    mode: str = Mode.SYNC

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=RunBody, responses=ExecutionShape)
    def post(self, request: Request) -> Response:
        """Run a prompt of either mode and wait for the answer: what is in production, or `version`, or `stage`."""
        data = asked_by(request, RunBody)
        prompt, version = named(data)
        return answer(execute(request, prompt, data, mode=self.mode, version=version))


class Submit(Run):
    """POST /v1/executions/submit."""

    mode = Mode.ASYNC

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=RunBody, responses=ExecutionShape)
    def post(self, request: Request) -> Response:
        """The same in the background: the answer is the queued run, to be read by its `execution_id`."""
        return super().post(request)


class Cancel(APIView):
    """POST /v1/executions/{id}/cancel."""

    needs = {"POST": RUN}

    @extend_schema(request=None, responses=ExecutionShape)
    def post(self, request: Request, execution: str) -> Response:
        """End a run that is queued or running; what a provider still answers is thrown away. One that ended: 409."""
        return answer(running.cancel(find(execution)))


def asked_by(request: Request, body: type[Asked]) -> dict[str, Any]:
    """Return what a request asks for; null is the same as not given. Raises ValidationError or BadInput (400)."""
    data = {name: value for name, value in read(body, request).items() if value is not None}
    header = request.headers.get("Idempotency-Key", "")
    key = data.setdefault("idempotency_key", header)
    if header and key != header:
        raise BadInput("The Idempotency-Key of the header is not the idempotency_key of the body. Send one.")
    if len(key) > running.KEY_LENGTH:
        raise ValidationError({"idempotency_key": [f"At most {running.KEY_LENGTH} characters."]})
    version = data.get("version")
    if version is not None and parse_reference(version) is None:
        said = f"'{version}' is no version: send its integer, or its label, like 2.3 or v2.3."
        raise BadInput(said, errors={"version": [said]})
    return data


def named(data: dict[str, Any]) -> tuple[Prompt, PromptVersion | None]:
    """Return the prompt that is named, or what the agent says in the state: with the version that serves, if none other
    is asked for. Raises BadInput or NotFound.
    """
    name, agent, status_key = (data.get(key, "") for key in ("prompt", "agent", "status_key"))
    if bool(name) == bool(agent) or (name and status_key):
        raise BadInput("Name a prompt, or an agent and its status_key.", errors={"prompt": ["Name one of both."]})
    if name:
        return find_prompt(name), None
    if "stage" in data or "version" in data:
        return serving.slot_of_agent(agent, status_key=status_key), None
    found = serving.resolve_for_agent(agent, status_key=status_key).version
    return found.prompt, found


def execute(
    request: Request, prompt: Prompt, data: dict[str, Any], *, mode: Any, version: PromptVersion | None = None
) -> Execution:
    """Run what was asked for. A known idempotency key gets the first run, whatever is in production by now."""
    said = {**data, "mode": mode, "correlation_id": ""}
    running.require_expected_mode(prompt, data.get("expected_mode"))
    running.require_run_mode(mode)
    key = data["idempotency_key"]
    if key and (first := running.earlier(prompt, key)):
        return running.repeated(first, running.hash_of(said))
    if version is None:
        version = serving.resolve(prompt, stage=data.get("stage", ""), version=data.get("version", ""))
    passed = {name: data[name] for name in PASSED if name in data}
    return running.run(version, by=person(request), mode=mode, request=said, **passed)
