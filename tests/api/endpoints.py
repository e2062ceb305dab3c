"""Every endpoint of the API with a request that is right: what the hostile corpus and the permission table vary."""

from dataclasses import dataclass
from typing import Any

from evaluations.starting import start
from executions import running
from ledger.models import LedgerEvent
from tests.evaluations.gating import give_examples
from tests.factories import TESTER, make_agent, make_prompt, make_tracking_prompt, make_version
from versions.models import PromptVersion
from versions.seen import ANYTHING
from versions.stages import Stage

CHAT = '[{"role":"system","content":"Be kind to {{ name }}."},{"type":"placeholder","name":"history"}]'


@dataclass(frozen=True)
class Endpoint:
    """A route, how to call it rightly, and which permission that takes ("" for none beyond looking)."""

    method: str
    route: str
    path: str
    body: dict[str, Any] | None = None
    status: int = 200
    takes: str = "read"
    more: tuple[str, ...] = ()
    query: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that its body may hold."""
        return (*(self.body or {}), *self.more)


V = "prompts/{name}/versions/{version}"
METADATA = (
    "title",
    "description",
    "owner_team",
    "tags",
    "type",
    "template_format",
    "metadata",
    "evaluation",
    "agent",
    "status_key",
)
CONTENT = ("template_source", "messages", "config", "commit_message")

PAGES = ("page", "page_size")
WHICH = ("stage", "version")
RUN = ("version", "model_name", "params", "environment", "provider", "expected_mode", "idempotency_key",
       "correlation_id")  # fmt: skip
EVENTS = ("actor", "action", "prompt", "agent", "label", "version", "since", "until", *PAGES)

ENDPOINTS = (
    Endpoint("GET", "version", "/version", takes="nothing"),
    Endpoint("GET", "agents", "/agents", query=("search", "archived", *PAGES)),
    Endpoint("POST", "agents", "/agents", {"name": "New"}, 201, "write", ("description", "primary_status_key")),
    Endpoint("GET", "agents/{agent}", "/agents/Ada"),
    Endpoint("PATCH", "agents/{agent}", "/agents/Ada", {"description": "x"}, 200, "write",
             ("primary_status_key", "archived")),
    Endpoint("DELETE", "agents/{agent}", "/agents/Idle", None, 204, "write"),
    Endpoint("GET", "agents/{agent}/prompt", "/agents/Ada/prompt", query=("status_key", "strict")),
    Endpoint("POST", "agents/{agent}/render", "/agents/Ada/render", {"variables": {"name": "Bo"}}, 200, "read",
             ("status_key", "strict")),
    Endpoint("GET", "prompts", "/prompts",
             query=("search", "agent", "status_key", "tag", "mode", "stage", "ordering", "archived", *PAGES)),
    Endpoint("POST", "prompts", "/prompts", {"name": "new", "template_source": "x"}, 201, "write",
             (*METADATA, "messages", "config", "commit_message", "mode")),
    Endpoint("POST", "prompts/register-code", "/prompts/register-code",
             {"prompts": [{"name": "new", "template_source": "x"}]}, 200, "register", ("dry_run",)),
    Endpoint("GET", "prompts/{name}", "/prompts/greet"),
    Endpoint("PUT", "prompts/{name}", "/prompts/greet", {"template_source": "put"}, 200, "write",
             ("description", "owner_team", "config", "commit_message", "set_active", "type", "messages")),
    Endpoint("PATCH", "prompts/{name}", "/prompts/draft", {"title": "x"}, 200, "write",
             ("name", *METADATA, "archived")),
    Endpoint("DELETE", "prompts/{name}", "/prompts/draft", None, 204, "write"),
    Endpoint("GET", "prompts/{name}/active", "/prompts/greet/active", query=WHICH),
    Endpoint("POST", "prompts/{name}/render", "/prompts/greet/render", {"variables": {"name": "Bo"}}, 200, "read",
             query=WHICH),
    Endpoint("GET", "prompts/{name}/history", "/prompts/greet/history"),
    Endpoint("GET", "prompts/{name}/events", "/prompts/greet/events", query=EVENTS),
    Endpoint("GET", "prompts/{name}/texts/{content_hash}", "/prompts/greet/texts/HASH"),
    Endpoint("POST", "prompts/{name}/rollback", "/prompts/greet/rollback", {"to": "v1.0", "reason": "worse"}, 201,
             "release"),
    Endpoint("GET", "prompts/{name}/versions", "/prompts/greet/versions", query=("stage", "archived", *PAGES)),
    Endpoint("POST", "prompts/{name}/versions", "/prompts/greet/versions", {"from": "v1.0"}, 201, "write",
             (*CONTENT, "bump", "revision")),
    Endpoint("GET", V, "/prompts/greet/versions/v1.0"),
    Endpoint("PATCH", V, "/prompts/greet/versions/v1.3", {"template_source": "y"}, 200, "write",
             ("messages", "config", "commit_message", "revision", "stage")),
    Endpoint("DELETE", V, "/prompts/greet/versions/v1.3", None, 204, "write"),
    Endpoint("POST", f"{V}/promote", "/prompts/greet/versions/v1.3/promote", {"to": "TST"}, 200, "promote",
             ("reason", "stage", "revision")),
    Endpoint("POST", f"{V}/set-active", "/prompts/greet/versions/v1.2/set-active", {"stage": "TST"}, 200, "promote",
             ("reason", "revision")),
    Endpoint("POST", f"{V}/approve", "/prompts/greet/versions/v1.2/approve", {"stage": "TST"}, 200, "release",
             ("reason", "revision")),
    Endpoint("POST", f"{V}/evaluate", "/prompts/smart/versions/v1.0/evaluate", {"stage": "DEV"}, 201, "run",
             ("revision", "repeat", "budget_usd")),
    Endpoint("GET", "prompts/{name}/evaluations", "/prompts/greet/evaluations",
             query=("version", "status", "verdict", *PAGES)),
    Endpoint("GET", "evaluations/{evaluation}", "/evaluations/EVALUATION"),
    Endpoint("POST", "evaluations/{evaluation}/cancel", "/evaluations/EVALUATION/cancel", None, 200, "run"),
    Endpoint("GET", f"{V}/gate", "/prompts/greet/versions/v1.2/gate"),
    Endpoint("POST", f"{V}/test", "/prompts/greet/versions/v1.3/test", {"variables": {"name": "Bo"}}, 200, "run",
             ("provider", "model_name", "params", "revision")),
    Endpoint("POST", f"{V}/create-new", "/prompts/greet/versions/v1.0/create-new", {"bump": "major"}, 201, "write",
             (*CONTENT, "revision")),
    Endpoint("POST", f"{V}/archive", "/prompts/greet/versions/v1.2/archive", {"stage": "TST"}, 200, "write",
             ("revision",)),
    Endpoint("POST", f"{V}/unarchive", "/prompts/greet/versions/v1.2/unarchive", {"stage": "TST"}, 200, "write",
             ("revision",)),
    Endpoint("POST", f"{V}/rollback", "/prompts/greet/versions/v1.0/rollback", {"reason": "worse"}, 201, "release",
             ("stage", "revision")),
    Endpoint("GET", f"{V}/diff", "/prompts/greet/versions/v1.3/diff?against=v1.0", query=("against",)),
    Endpoint("GET", "events", "/events", query=EVENTS),
    Endpoint("GET", "events/{event}", "/events/EVENT"),
    Endpoint("GET", "executions", "/executions", query=(
        "prompt", "agent", "status_key", "label", "version", "status", "environment", "mode", "prompt_mode", "provider",
        "model", "error_type", "correlation_id", "created_by", "is_test", "from", "to", *PAGES)),
    Endpoint("GET", "executions/{execution}", "/executions/EXECUTION"),
    Endpoint("POST", "executions/run", "/executions/run", {"prompt": "greet", "variables": {"name": "Bo"}}, 200, "run",
             (*RUN, "agent", "status_key", "stage")),
    Endpoint("POST", "executions/submit", "/executions/submit", {"agent": "Ada", "variables": {"name": "Bo"}}, 200,
             "run", (*RUN, "prompt", "status_key", "stage")),
    Endpoint("POST", "executions/{execution}/cancel", "/executions/QUEUED/cancel", None, 200, "run"),
    Endpoint("POST", "prompts/{name}/execute", "/prompts/tracked/execute", {"variables": {"name": "Bo"}}, 200, "run",
             (*RUN, "mode")),
    Endpoint("GET", "prompts/{name}/examples", "/prompts/greet/examples", query=("dataset", "format", *PAGES)),
    Endpoint("PUT", "prompts/{name}/examples", "/prompts/greet/examples",
             {"examples": [{"input": {"name": "Bo"}, "expected": "Hello Bo"}]}, 201, "write",
             ("format", "text", "note", "dataset")),
    Endpoint("POST", "prompts/{name}/examples", "/prompts/tracked/examples",
             {"text": '{"input": {"name": "Bo"}, "expected": "Hello Bo"}'}, 201, "write",
             ("examples", "format", "note", "dataset")),
    Endpoint("GET", "prompts/{name}/datasets", "/prompts/greet/datasets", query=PAGES),
    Endpoint("GET", "analytics/prompts", "/analytics/prompts",
             query=("mode", "from", "to", "days", "prompt", "agent", "include_tests")),
    Endpoint("GET", "registry", "/registry", query=("format",)),
    Endpoint("GET", "openapi.json", "/openapi.json"),
    Endpoint("GET", "docs", "/docs"),
)  # fmt: skip


def make_world() -> dict[str, str]:
    """Agents and prompts in every state; returns what stands for HASH, EVENT, EXECUTION and QUEUED in the paths above.

    greet has v1.0 in RET, v1.1 in PRD, v1.2 in TST, v1.3 in DEV.
    """
    ada = make_agent(name="Ada")
    make_agent(name="Idle")
    greet = make_prompt(name="greet", agent=ada, template_source="Hi {{ name }}")
    walk(greet.versions.get(), Stage.TST, Stage.PRD)
    make_version("PRD", prompt=greet, template_source="Hello {{ name }}")
    make_version("TST", prompt=greet, template_source="Hey {{ name }}")
    draft = make_version("DEV", prompt=greet, template_source="Yo {{ name }}")
    make_prompt(name="draft")
    make_prompt(name="talk", type="chat", template_source=CHAT)
    smart = make_prompt(name="smart", template_format="jinja2", template_source="{% if name %}Hi {{ name }}{% endif %}")
    make_prompt(name="empty", template_source=None)
    make_tracking_prompt(name="tracked", agent=ada, status_key="TRACKED")
    run = running.run_test(draft, by=TESTER, seen=ANYTHING, variables={"name": "Bo"})
    live = greet.versions.select_related("prompt").get(stage="PRD")
    queued = running.run(live, by=TESTER, variables={"name": "Bo"}, mode="async")
    event = LedgerEvent.objects.filter(prompt="greet").first()
    give_examples(smart, 2)
    evaluation = start(smart.versions.get(), by=TESTER, repeat=2)
    return {"HASH": draft.content_hash, "EVENT": str(event.pk), "EXECUTION": str(run.pk), "QUEUED": str(queued.pk),
            "EVALUATION": str(evaluation.pk)}  # fmt: skip


def walk(version: PromptVersion, *stages: str) -> PromptVersion:
    """Promote a version through these stages."""
    for stage in stages:
        version = version.promote(by=TESTER, to=stage, seen=ANYTHING)
    return version


def filled(path: str, world: dict[str, str]) -> str:
    """The path with what make_world returned."""
    for word, value in world.items():
        path = path.replace(word, value)
    return path
