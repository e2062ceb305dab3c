"""Anthropic's messages. Its SDK is an extra (docs/executions.md), loaded when the first model is asked."""

import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from executions.providers import faults
from executions.providers.answers import BAD_ANSWER, REFUSED, Answer, Connection, OnText, Prompt, ProviderError

ANSWER_LIMIT = 32 * 1024 * 1024
MAX_TOKENS = 4096  # the vendor demands a number; a version's config or the settings' parameters give another
INSTRUCTING = ("system", "developer")


class Anthropic:
    """Anthropic, or whoever sells its models at another base URL."""

    name = "anthropic"
    needs_setup = True
    base_url = "https://api.anthropic.com"

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name or self.name
        self._key = connection.key
        self._base_url = connection.base_url or self.base_url

    def complete(
        self,
        prompt: Prompt,
        *,
        model: str,
        params: dict[str, Any],
        on_text: OnText | None = None,
        timeout: float | None = None,
        idempotency_key: str = "",
    ) -> Answer:
        """Ask for one message, streamed where somebody listens. Raises ProviderError."""
        faults.need(self.name, base_url=self._base_url, key=self._key)
        body = {"model": model, **_conversation(prompt), "max_tokens": params.get("max_tokens", MAX_TOKENS)}
        if on_text:
            body["stream"] = True
        more = {name: value for name, value in params.items() if name not in body}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return faults.plainly(
            lambda: self._ask(body, more, headers, on_text, timeout or settings.PROVIDER_SECONDS),
            name=self.name,
            key=self._key,
        )

    def _ask(
        self,
        body: dict[str, Any],
        more: dict[str, Any],
        headers: dict[str, str],
        on_text: OnText | None,
        seconds: float,
    ) -> Answer:
        import anthropic

        from common import outbound

        with outbound.client(seconds=seconds, limit=ANSWER_LIMIT) as http:
            client = anthropic.Anthropic(
                api_key=self._key.reveal(),
                base_url=self._base_url,
                http_client=http,
                timeout=http.timeout,
                max_retries=0,  # running.py tries again, and writes each attempt down
            )
            answer = client.messages.create(**body, extra_body=more, extra_headers=headers)
            return _streamed(answer, on_text) if on_text else _whole(answer)


def _conversation(prompt: Prompt) -> dict[str, Any]:
    """Instructions apart from what is said, as this vendor wants them; alone they are what is said."""
    messages = faults.messages(prompt)
    said = [message for message in messages if message["role"] not in INSTRUCTING]
    instructions = "\n\n".join(message["content"] for message in messages if message["role"] in INSTRUCTING)
    if not said:
        return {"messages": [{"role": "user", "content": instructions}]}
    return {"messages": said, "system": instructions} if instructions else {"messages": said}


def _whole(message: Any) -> Answer:
    blocks = getattr(message, "content", None)
    if not isinstance(blocks, list):
        raise ProviderError("The provider's answer has no message in it.", code=BAD_ANSWER)
    text = "".join(block.text for block in blocks if _kind(block) == "text" and isinstance(block.text, str))
    tools = [{"name": block.name, "arguments": json.dumps(block.input, ensure_ascii=False)}
             for block in blocks if _kind(block) == "tool_use"]  # fmt: skip
    usage = getattr(message, "usage", None)
    tokens = getattr(usage, "input_tokens", None), getattr(usage, "output_tokens", None)
    return _answer(text, tools, getattr(message, "stop_reason", None), getattr(message, "model", ""), *tokens)


def _streamed(events: Iterable[Any], on_text: OnText) -> Answer:
    """Read an answer piece by piece, and hand each piece on."""
    pieces: list[str] = []
    tools: list[dict[str, str]] = []
    model: Any = ""
    finish = tokens_in = tokens_out = None
    ended = False
    for event in events:
        kind = _kind(event)
        if kind == "message_start":
            model = getattr(event.message, "model", "")
            tokens_in = getattr(getattr(event.message, "usage", None), "input_tokens", None)
        elif kind == "content_block_start" and _kind(event.content_block) == "tool_use":
            tools.append({"name": event.content_block.name, "arguments": ""})
        elif kind == "content_block_delta" and _kind(event.delta) == "text_delta" and event.delta.text:
            pieces.append(event.delta.text)
            on_text(event.delta.text)
        elif kind == "content_block_delta" and _kind(event.delta) == "input_json_delta" and tools:
            tools[-1]["arguments"] += event.delta.partial_json
        elif kind == "message_delta":
            finish = getattr(event.delta, "stop_reason", None)
            tokens_out = getattr(getattr(event, "usage", None), "output_tokens", None)
        ended = ended or kind == "message_stop"
    if not ended:
        raise ProviderError("The answer broke off before its end.", code=BAD_ANSWER)
    return _answer("".join(pieces), tools, finish, model, tokens_in, tokens_out)


def _answer(text: str, tools: Any, finish: Any, model: Any, tokens_in: Any, tokens_out: Any) -> Answer:
    if finish == "refusal":
        raise ProviderError("The provider stopped the answer: the model refused.", code=REFUSED)
    text = text or faults.calls(tools)
    if not text:
        why = " It used up its tokens before it said anything: raise the limit." if finish == "max_tokens" else ""
        raise ProviderError(f"The provider answered without a text.{why}", code=BAD_ANSWER)
    return Answer(
        text,
        faults.number(tokens_in),
        faults.number(tokens_out),
        model=model if isinstance(model, str) else "",
        finish_reason=finish if isinstance(finish, str) else "",
    )


def _kind(thing: Any) -> Any:
    return getattr(thing, "type", None)
