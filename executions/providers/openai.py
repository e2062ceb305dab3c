"""OpenAI, and every server that speaks its chat completions: Azure, vLLM, Ollama, llama.cpp, gateways.

The SDK is loaded when the first model is asked: it takes most of a second.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from executions.providers import faults
from executions.providers.answers import BAD_ANSWER, REFUSED, Answer, Connection, OnText, Prompt, ProviderError

ANSWER_LIMIT = 32 * 1024 * 1024  # bytes on the line: a long streamed answer is mostly wrapping
NO_KEY = "none"  # the SDK insists on one; servers without keys ignore it


class Compatible:
    """Any OpenAI-compatible server, at the base URL of its settings; a key only where the server wants one."""

    name = "compatible"
    needs_setup = True
    base_url = ""
    needs_key = False

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
        """Ask for one chat completion, streamed where somebody listens. Raises ProviderError."""
        faults.need(self.name, base_url=self._base_url, key=self._key if self.needs_key else None)
        body: dict[str, Any] = {"model": model, "messages": faults.messages(prompt)}
        if on_text:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        # Parameters go into the body and nowhere else: they cannot name a header, an address or a time-out.
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
        import openai

        from common import outbound

        sent: dict[str, Any] = dict(headers) if self._key else {**headers, "Authorization": openai.Omit()}
        with outbound.client(seconds=seconds, limit=ANSWER_LIMIT) as http:
            client = openai.OpenAI(
                api_key=self._key.reveal() or NO_KEY,
                base_url=self._base_url,
                http_client=http,
                timeout=http.timeout,
                max_retries=0,  # running.py tries again, and writes each attempt down
            )
            answer = client.chat.completions.create(**body, extra_body=more, extra_headers=sent)
            return _streamed(answer, on_text) if on_text else _whole(answer)


class OpenAI(Compatible):
    """OpenAI itself, or whoever sells its models at another base URL."""

    name = "openai"
    base_url = "https://api.openai.com/v1"
    needs_key = True


def _whole(completion: Any) -> Answer:
    """Read an answer that came at once. The SDK checks no shapes, so everything is looked at."""
    choice = _first(getattr(completion, "choices", None))
    message = getattr(choice, "message", None)
    if message is None:
        raise ProviderError("The provider's answer has no message in it.", code=BAD_ANSWER)
    text = getattr(message, "content", None)
    tools = getattr(message, "tool_calls", None)
    refusal = getattr(message, "refusal", None)
    return _answer(
        text,
        refusal,
        tools,
        getattr(choice, "finish_reason", None),
        getattr(completion, "model", ""),
        getattr(completion, "usage", None),
    )


def _streamed(chunks: Iterable[Any], on_text: OnText) -> Answer:
    """Read an answer piece by piece, and hand each piece on."""
    pieces: list[str] = []
    refused: list[str] = []
    tools: list[Any] = []
    finish, model, usage = None, "", None
    for chunk in chunks:
        model = getattr(chunk, "model", None) or model
        usage = getattr(chunk, "usage", None) or usage
        choice = _first(getattr(chunk, "choices", None))
        delta = getattr(choice, "delta", None)
        if delta is not None:
            if isinstance(piece := getattr(delta, "content", None), str) and piece:
                pieces.append(piece)
                on_text(piece)
            if isinstance(piece := getattr(delta, "refusal", None), str):
                refused.append(piece)
            faults.gather(tools, getattr(delta, "tool_calls", None))
        finish = getattr(choice, "finish_reason", None) or finish
    if finish is None:
        raise ProviderError("The answer broke off before its end.", code=BAD_ANSWER)
    return _answer("".join(pieces), "".join(refused), tools, finish, model, usage)


def _first(choices: Any) -> Any:
    return choices[0] if isinstance(choices, list) and choices else None


def _answer(text: Any, refusal: Any, tools: Any, finish: Any, model: Any, usage: Any) -> Answer:
    if refusal and isinstance(refusal, str):
        raise ProviderError(f"The model refused: {refusal[:300]}", code=REFUSED)
    if finish == "content_filter":
        raise ProviderError("The provider's content filter stopped the answer.", code=REFUSED)
    text = text if isinstance(text, str) and text else faults.calls(tools)
    if not text:
        why = " It used up its tokens before it said anything: raise the limit." if finish == "length" else ""
        raise ProviderError(f"The provider answered without a text.{why}", code=BAD_ANSWER)
    return Answer(
        text,
        faults.number(getattr(usage, "prompt_tokens", None)),
        faults.number(getattr(usage, "completion_tokens", None)),
        model=model if isinstance(model, str) else "",
        finish_reason=finish if isinstance(finish, str) else "",
    )
