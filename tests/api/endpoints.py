"""Every endpoint of the API with a request that is right: what the hostile corpus and the permission table vary."""

from dataclasses import dataclass
from typing import Any

from executions.running import run_test
from ledger.models import LedgerEvent
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
METADATA = ("title", "description", "owner_team", "tags", "type", "template_format", "metadata", "agent", "status_key")
CONTENT = ("template_source", "messages", "config", "commit_message")

PAGES = ("page", "page_size")
WHICH = ("stage", "version")
EVENTS = ("actor", "action", "prompt", "agent", "label", "version", "since", "until", *PAGES)

ENDPOINTS = (
    Endpoint("GET", "version", "/version", takes="nothing"),
    Endpoint("GET", "agents", "/agents", query=("search", "archived", *PAGES)),
    Endpoint("POST", "agents", "/agents", {"name": "New"}, 201, "write", ("description", "primary_status_key")),
    Endpoint("GET", "agents/{agent}", "/agents/Ada"),
    Endpoint("PATCH", "agents/{agent}", "/agents/Ada", {"description": "x"}, 200, "write",
             ("primary_status_key", "archived")),
    Endpoint("DELETE", "agents/{agent}", "/agents/Idle", None, 204, "write"),
    Endpoint("GET", "prompts", "/prompts",
             query=("search", "agent", "status_key", "tag", "mode", "stage", "ordering", "archived", *PAGES)),
    Endpoint("POST", "prompts", "/prompts", {"name": "new", "template_source": "x"}, 201, "write",
             (*METADATA, "messages", "config", "commit_message", "mode")),
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
    Endpoint("GET", "executions", "/executions", query=("prompt", "label", "status", "environment", *PAGES)),
    Endpoint("GET", "executions/{execution}", "/executions/EXECUTION"),
    Endpoint("GET", "openapi.json", "/openapi.json"),
    Endpoint("GET", "docs", "/docs"),
)  # fmt: skip


def make_world() -> dict[str, str]:
    """Agents and prompts in every state; returns what stands for HASH, EVENT and EXECUTION in the paths above.

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
    make_prompt(name="smart", template_format="jinja2", template_source="{% if name %}Hi {{ name }}{% endif %}")
    make_prompt(name="empty", template_source=None)
    make_tracking_prompt(name="tracked", agent=ada, status_key="TRACKED")
    run = run_test(draft, by=TESTER, seen=ANYTHING, variables={"name": "Bo"})
    event = LedgerEvent.objects.filter(prompt="greet").first()
    return {"HASH": draft.content_hash, "EVENT": str(event.pk), "EXECUTION": str(run.pk)}


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
