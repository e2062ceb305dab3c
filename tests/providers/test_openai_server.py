"""The model server says what the vendors' own types demand: else we would test our reading against our own mistakes."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter


def post(url: str, body: dict[str, Any]) -> tuple[int, str, bytes]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def events(raw: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in raw.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def asked(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello there"}], "max_tokens": 9, **more}


@pytest.mark.parametrize("model", ["echo", "mute", "empty", "refusal", "filtered", "length", "tools"])
def test_a_completion_is_one_by_the_vendors_type(llm, model):
    status, kind, raw = post(f"{llm.url}/chat/completions", asked(model))
    assert (status, kind) == (200, "application/json")
    ChatCompletion.model_validate_json(raw, strict=True)


@pytest.mark.parametrize("model", ["echo", "mute", "empty", "refusal", "filtered", "length", "tools"])
def test_a_streamed_completion_is_one_by_the_vendors_type(llm, model):
    body = asked(model, stream=True, stream_options={"include_usage": True})
    status, kind, raw = post(f"{llm.url}/chat/completions", body)
    chunks = [ChatCompletionChunk.model_validate_json(json.dumps(event), strict=True) for event in events(raw)]
    assert (status, kind, raw[-14:]) == (200, "text/event-stream", b"data: [DONE]\n\n")
    finished = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    assert len(finished) == 1
    assert bool(chunks[-1].usage) is (model != "mute")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_error_has_the_vendors_shape(llm, status):
    answered, kind, raw = post(f"{llm.url}/chat/completions", asked(f"status-{status}"))
    error = json.loads(raw)["error"]
    assert (answered, kind, sorted(error)) == (status, "application/json", ["code", "message", "param", "type"])
    answered, kind, raw = post(f"{llm.url}/messages", asked(f"status-{status}"))
    assert (answered, json.loads(raw)["type"], sorted(json.loads(raw)["error"])) == (
        status, "error", ["message", "type"])  # fmt: skip


@pytest.mark.parametrize("model", ["echo", "filtered", "length"])
def test_a_message_is_one_by_the_vendors_type(llm, model):
    status, _, raw = post(f"{llm.url}/messages", asked(model))
    assert status == 200
    Message.model_validate_json(raw, strict=True)
    reading: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
    _, kind, raw = post(f"{llm.url}/messages", asked(model, stream=True))
    read = [reading.validate_json(json.dumps(event), strict=True) for event in events(raw)]
    assert (kind, read[0].type, read[-1].type) == ("text/event-stream", "message_start", "message_stop")
