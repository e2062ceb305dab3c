"""What is a span, what it says, what it never says."""

import json

import pytest

from common import telemetry
from common.telemetry.asked import Asked
from common.telemetry.wsgi import Traced, route_of
from executions import running
from executions.models import Execution, Status
from executions.providers import Answer, ProviderError
from executions.working import work_on
from tests.executions.providers import Buggy, Scripted
from tests.factories import TESTER, make_version
from tests.serving.conftest import call, environ
from versions.gates import Condition, GateFailed
from versions.seen import ANYTHING

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE = int("0af7651916cd43dd8448eb211c80319c", 16)
SECRETS = ("sentinel-text", "sentinel-answer", "sentinel-variable", "sentinel-key")


@pytest.fixture
def scripted(settings):
    """The provider `scripted`, which says what the test wants."""
    settings.PROVIDERS = {**settings.PROVIDERS, "scripted": "tests.executions.providers.Scripted",
                          "buggy": "tests.executions.providers.Buggy"}  # fmt: skip
    settings.EXECUTION_RETRY_WAITS = [0.01]
    Scripted.script, Scripted.asked = [], []
    assert Buggy.name == "buggy"
    return Scripted


@pytest.fixture
def greet(db):
    """A prompt in production."""
    return make_version("PRD", name="greet", template_source="sentinel-text {{ name }}")


def run(version, **asked):
    return running.run(version, by=TESTER, variables={"name": "sentinel-variable"}, provider="scripted", **asked)


class TestCalls:
    def test_a_call_is_a_span_of_the_conventions(self, kept, greet, scripted):
        scripted.script = ["sentinel-answer"]
        params = {"temperature": 0.5, "max_tokens": 7, "stop": ["sentinel-text"], "response_format": {"type": "json_object"},
                  "user": "sentinel-key", "top_p": "odd", "seed": 10**30}  # fmt: skip
        run(greet, model_name="gpt-9", params=params)
        span = kept.span("chat")
        assert (span.name, span.kind.name, span.status.status_code.name) == ("chat gpt-9", "CLIENT", "UNSET")
        assert dict(span.attributes) == {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "scripted", "gen_ai.request.model": "gpt-9",
            "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 7, "gen_ai.output.type": "json",
            "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 4,
        }  # fmt: skip
        assert not [secret for secret in SECRETS if secret in kept.everything()]

    def test_the_run_around_it(self, kept, greet, scripted):
        row = run(greet, correlation_id="mine")
        outer, inner = kept.span("promptledger.run"), kept.span("chat")
        assert inner.parent.span_id == outer.context.span_id and outer.parent is None
        assert outer.attributes["promptledger.execution.id"] == str(row.pk)
        assert (outer.attributes["promptledger.status"], outer.attributes["promptledger.correlation_id"]) == (
            "succeeded",
            "mine",
        )
        assert (outer.attributes["promptledger.prompt"], outer.attributes["promptledger.version"]) == ("greet", "v1.0")

    @pytest.mark.parametrize("said", ["true", "SPAN_ONLY", "span_and_event"])
    def test_texts_are_on_spans_only_when_asked_for(self, kept, greet, scripted, said):
        kept.turn_on(content=Asked.read({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": said}).content)
        scripted.script = ["sentinel-answer"]
        run(greet, params={"stop": "END"})
        said = kept.span("chat").attributes
        assert json.loads(said["gen_ai.input.messages"]) == [
            {"role": "user", "parts": [{"type": "text", "content": "sentinel-text sentinel-variable"}]}
        ]
        assert json.loads(said["gen_ai.output.messages"]) == [
            {"role": "assistant", "parts": [{"type": "text", "content": "sentinel-answer"}], "finish_reason": "stop"}
        ]
        assert said["gen_ai.request.stop_sequences"] == ("END",)

    @pytest.mark.parametrize("said", ["", "false", "NO_CONTENT", "EVENT_ONLY", "1", "yes"])
    def test_anything_else_keeps_them_off(self, said):
        assert not Asked.read({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": said}).content

    def test_a_chat_says_who_said_what(self, kept, scripted, db):
        kept.turn_on(content=True)
        chat = '[{"role":"system","content":"Be {{ name }}"},{"role":"user","content":"Hi"}]'
        run(make_version("DEV", type="chat", template_source=chat))
        roles = [one["role"] for one in json.loads(kept.span("chat").attributes["gen_ai.input.messages"])]
        assert roles == ["system", "user"]

    def test_a_failed_call_says_its_code_and_not_its_message(self, kept, greet, scripted):
        scripted.script = [ProviderError("sentinel-text", code="provider_refused")]
        with pytest.raises(ProviderError):
            run(greet)
        for name in ("chat", "promptledger.run"):
            span = kept.span(name)
            assert (span.attributes["error.type"], span.status.status_code.name) == ("provider_refused", "ERROR")
            assert span.events == () and not span.status.description
        assert "sentinel" not in kept.everything()
        (point,) = kept.points("gen_ai.client.operation.duration")
        assert point.attributes["error.type"] == "provider_refused"

    def test_a_defect_is_an_error_of_its_type(self, kept, greet, scripted):
        with pytest.raises(ZeroDivisionError):
            running.run(greet, by=TESTER, variables={"name": "x"}, provider="buggy")
        assert kept.span("chat").attributes["error.type"] == "ZeroDivisionError"
        assert "a defect" not in kept.everything()

    def test_each_attempt_is_a_call(self, kept, greet, scripted):
        scripted.script = [ProviderError("x", code="provider_timeout"), "done"]
        run(greet)
        first, second = kept.spans("chat")
        assert first.attributes["error.type"] == "provider_timeout" and "error.type" not in second.attributes
        assert first.parent == second.parent

    def test_what_is_measured(self, kept, greet, scripted):
        run(greet, model_name="m")
        (duration,) = kept.points("gen_ai.client.operation.duration")
        assert duration.count == 1 and duration.attributes["gen_ai.request.model"] == "m"
        tokens = {
            point.attributes["gen_ai.token.type"]: point.sum for point in kept.points("gen_ai.client.token.usage")
        }
        assert tokens == {"input": 3, "output": 4}
        (runs,) = kept.points("promptledger.executions")
        assert (runs.value, runs.attributes["promptledger.status"]) == (1, "succeeded")


class TestTheWayToTheWorker:
    def test_a_worker_goes_on_in_the_same_trace(self, kept, greet, scripted):
        with telemetry.span("request", kind="server", parent={"traceparent": PARENT, "tracestate": "vendor=x"}):
            row = run(greet, mode="async")
        assert row.trace_context.endswith("-01 vendor=x")
        assert work_on(row.pk).status == Status.SUCCEEDED
        request, submit, work, chat = (
            kept.span(name) for name in ("request", "promptledger.submit", "promptledger.run", "chat")
        )
        assert {span.context.trace_id for span in (request, submit, work, chat)} == {TRACE}
        assert [request.parent.span_id, submit.parent.span_id, work.parent.span_id, chat.parent.span_id] == [
            int("b7ad6b7169203331", 16), request.context.span_id, submit.context.span_id, work.context.span_id,
        ]  # fmt: skip
        assert [span.kind.name for span in (request, submit, work, chat)] == [
            "SERVER",
            "PRODUCER",
            "CONSUMER",
            "CLIENT",
        ]
        assert chat.context.trace_state["vendor"] == "x"

    def test_a_run_without_a_trace_begins_one(self, kept, greet, scripted, db):
        before = telemetry.wanted
        telemetry.use(Asked())
        row = run(greet, mode="async")
        assert row.trace_context == ""
        telemetry.use(before, kept.live)
        with telemetry.span("something else of this thread"):
            work_on(row.pk)
        assert kept.span("promptledger.run").parent is None

    @pytest.mark.parametrize("odd", ["nonsense", "00-0-0-0", PARENT[:-3], f"{PARENT} {'x' * 500}", " "])
    def test_a_context_that_is_none_begins_one(self, kept, greet, scripted, odd):
        row = run(greet, mode="async")
        Execution.objects.filter(pk=row.pk).update(trace_context=odd)
        assert work_on(row.pk).status == Status.SUCCEEDED

    def test_a_long_tracestate_is_left_behind(self, kept, greet, scripted):
        state = ",".join(f"vendor{number}={'x' * 30}" for number in range(30))
        with telemetry.span("request", parent={"traceparent": PARENT, "tracestate": state}):
            row = run(greet, mode="async")
        assert len(row.trace_context) == len(PARENT)


class TestMoves:
    def test_promotions_and_rollbacks(self, kept, db):
        version = make_version("DEV", name="greet")
        for stage in ("TST", "PRD"):
            version = version.promote(by=TESTER, to=stage, seen=ANYTHING, reason="sentinel-text")
        newer = make_version("PRD", prompt=version.prompt)
        kept.exporter.clear()
        version.refresh_from_db()
        version.roll_back(by=TESTER, seen=ANYTHING, reason="sentinel-text")
        span = kept.span("promptledger.rollback")
        assert dict(span.attributes) == {
            "promptledger.prompt": "greet", "promptledger.version": "v1.0", "promptledger.stage": "PRD",
            "promptledger.version.made": "v1.2",
        }  # fmt: skip
        counted = {
            (point.attributes["promptledger.action"], point.attributes["promptledger.stage"]): point.value
            for point in kept.points("promptledger.moves")
        }
        assert counted == {("promote", "TST"): 2, ("promote", "PRD"): 2, ("rollback", "PRD"): 1}
        assert "sentinel" not in kept.everything() and newer

    def test_what_the_gate_refused(self, kept, settings, db):
        settings.PROMOTION_GATES = ["tests.telemetry.test_spans.closed"]
        version = make_version("TST")
        kept.exporter.clear()
        with pytest.raises(GateFailed):
            version.promote(by=TESTER, to="PRD", seen=ANYTHING)
        span = kept.span("promptledger.promote")
        assert (span.attributes["error.type"], span.attributes["promptledger.gate.unmet"]) == (
            "gate_failed",
            ("score", "approvals"),
        )
        refused = {
            point.attributes["promptledger.condition"]: point.value
            for point in kept.points("promptledger.gate.refusals")
        }
        assert refused == {"score": 1, "approvals": 1}
        assert "sentinel" not in kept.everything()

    def test_registrations(self, kept, api):
        item = {"name": "a", "template_source": "sentinel-text"}
        for prompts in ([item, {"name": "b", "template_source": "x"}], [item, {"name": "b", "template_source": "y"}]):
            assert api("POST", "/prompts/register-code", {"prompts": prompts}).status_code == 200
        first, second = kept.spans("promptledger.register")
        assert (first.attributes["promptledger.created"], first.attributes["promptledger.prompts"]) == (2, 2)
        assert (second.attributes["promptledger.unchanged"], second.attributes["promptledger.changed"]) == (1, 1)
        assert sum(point.value for point in kept.points("promptledger.registrations")) == 4
        assert "sentinel" not in kept.everything()


def closed(version):
    """A gate that is not passed."""
    return [
        Condition("score", False, "sentinel-text"),
        Condition("approvals", False, "x"),
        Condition("structure", True, "x"),
    ]


class TestRequests:
    def test_a_request_is_a_span_below_its_caller_s(self, kept, both, key):
        make_version("PRD", name="sentinel-name")
        kept.exporter.clear()
        traced = Traced(both.edge)
        asked = {"X_API_KEY": key, "TRACEPARENT": PARENT, "query": "stage=PRD&note=sentinel-key", "X_REQUEST_ID": "abc"}
        status, _, _ = call(traced, environ("/v1/prompts/sentinel-name/active", **asked))
        span = kept.span("GET")
        assert status.startswith("200") and span.name == "GET /v1/prompts/<str:name>/active"
        assert dict(span.attributes) == {
            "http.request.method": "GET", "url.scheme": "http", "url.path": "/v1/prompts/sentinel-name/active",
            "http.route": "/v1/prompts/<str:name>/active", "http.response.status_code": 200, "promptledger.correlation_id": "abc",
        }  # fmt: skip
        assert (span.kind.name, span.context.trace_id, span.parent.span_id) == (
            "SERVER",
            TRACE,
            int("b7ad6b7169203331", 16),
        )
        assert key not in kept.everything() and "sentinel-key" not in kept.everything()

    def test_a_warm_answer_is_one_too(self, kept, both, key):
        make_version("PRD", name="greet")
        kept.exporter.clear()
        traced = Traced(both.edge)
        for _ in range(3):
            call(traced, environ("/v1/prompts/greet/active", X_API_KEY=key))
        assert both.is_warm("/v1/prompts/greet/active", X_API_KEY=key)
        spans = kept.spans("GET /v1/prompts/<str:name>/active")
        assert [span.attributes["promptledger.correlation_id"] for span in spans] == ["the-same"] * 3
        (point,) = kept.points("http.server.request.duration")
        assert (point.count, point.attributes["http.response.status_code"]) == (3, 200)

    @pytest.mark.parametrize(
        ("path", "method", "name"),
        [
            ("/nowhere", "GET", "GET"),
            ("/nowhere", "BREW", "_OTHER"),
            ("/x" * 3_000, "GET", "GET"),
            ("/ü\x00", "GET", "GET"),
        ],
    )
    def test_odd_requests(self, kept, both, path, method, name):
        call(Traced(both.edge), environ(path, method=method))
        assert kept.span("").name == name

    @pytest.mark.parametrize(
        "odd", ["", "x", PARENT.replace("00-", "ff-"), "00-" + "0" * 32 + "-b7ad6b7169203331-01", "é"]
    )
    def test_a_parent_that_is_none_is_none(self, kept, both, odd):
        call(Traced(both.edge), environ("/health/nothing", TRACEPARENT=odd))
        call(Traced(both.edge), environ("/nowhere", TRACEPARENT=odd))
        assert kept.span("").parent is None

    def test_a_defect_is_an_error(self, kept):
        def broken(environ, start_response):
            start_response("500 x", [])
            return [b""]

        call(Traced(broken), environ("/prompts/"))
        span = kept.span("GET /prompts/")
        assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "500")

    def test_what_is_asked_all_the_time_is_none(self, kept, both):
        for path in ("/health", "/metrics", "/favicon.ico", "/static/css/base.css"):
            call(Traced(both.edge), environ(path))
        assert kept.spans() == []

    def test_a_streamed_test_is_below_its_request(self, kept, transactional_db, both, key):
        from django.http import StreamingHttpResponse

        def streams(environ, start_response):
            start_response("200 OK", [])

            def pieces():
                yield b"a"
                with telemetry.span("later"):
                    yield b"b"

            return StreamingHttpResponse(pieces())

        _, _, body = call(Traced(streams), environ("/prompts/"))
        assert body == b"ab"
        assert kept.span("later").parent.span_id == kept.span("GET").context.span_id
        assert telemetry.ids() == {}

    def test_routes_are_looked_up_once(self):
        route_of.cache_clear()
        assert [route_of("/prompts/"), route_of("/prompts/"), route_of("/x/y/z")] == ["/prompts/", "/prompts/", ""]
        assert route_of.cache_info().hits == 1


def test_off_nothing_happens(off, db, scripted):
    row = run(make_version("PRD", template_source="{{ name }}"))
    assert row.trace_context == "" and telemetry.carry() == "" and telemetry.ids() == {}
    with telemetry.span("x") as span:
        span.set({"a": 1})
        span.rename("y")
        span.fail("z")
    telemetry.count("promptledger.moves", {})
    telemetry.measure("gen_ai.client.token.usage", 1, {})
    telemetry.close()
    assert telemetry._live is None


def test_a_line_of_the_log_names_the_trace(kept):
    import logging

    from common import logs

    with telemetry.span("x"):
        line = json.loads(logs.AsJson().format(logging.makeLogRecord({"msg": "x"})))
    span = kept.span("x")
    assert (int(line["trace_id"], 16), int(line["span_id"], 16)) == (span.context.trace_id, span.context.span_id)


def test_an_answer_s_model_and_end_are_said(kept):
    from executions import tracing

    answer = Answer("x", 1, None, None, "gpt-9-2026", "length")
    tracing.asking("p", "text", "gpt-9", {}, True, lambda: answer)
    said = kept.span("chat gpt-9").attributes
    assert (said["gen_ai.response.model"], said["gen_ai.response.finish_reasons"]) == ("gpt-9-2026", ("length",))
    assert said["gen_ai.request.stream"] is True and "gen_ai.usage.output_tokens" not in said


def test_a_span_within_the_handling_of_an_error_is_none_itself(kept):
    try:
        raise ValueError
    except ValueError:
        with telemetry.span("x"):
            pass
    assert kept.span("x").status.status_code.name == "UNSET"
