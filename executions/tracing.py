"""Spans and metrics of runs and of calls to models, by the conventions for generative AI (docs/telemetry.md).

Where telemetry is off, each function looks at a flag and does nothing more.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from common import telemetry
from executions.models import Execution, Mode
from executions.providers.answers import Answer, Prompt, ProviderError

# A parameter of a model, and the name that the conventions have for it.
PARAMETERS = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_k": "gen_ai.request.top_k",
    "top_p": "gen_ai.request.top_p",
}


def about(row: Execution) -> dict[str, Any]:
    """What every span of a run says: which one, of which version, not what was said in it."""
    return {
        "promptledger.execution.id": str(row.pk), "promptledger.prompt": row.prompt_name,
        "promptledger.version": row.label, "promptledger.environment": row.environment,
        "promptledger.mode": row.mode, "promptledger.test": row.is_test, "promptledger.provider": row.provider,
        "promptledger.correlation_id": row.correlation_id or None,
    }  # fmt: skip


@contextmanager
def storing(row: Execution) -> Iterator[None]:
    """While a new run is stored: it keeps its place in the trace, for whoever carries it out."""
    if not telemetry.is_on():
        yield
    elif row.mode == Mode.SYNC:
        row.trace_context = telemetry.carry()
        yield
    else:
        with telemetry.span("promptledger.submit", about(row), kind="producer"):
            row.trace_context = telemetry.carry()
            yield


@contextmanager
def carrying_out(row: Execution, *, here: bool) -> Iterator[Callable[[Execution], None]]:
    """While a run is carried out: `here`, by who asked for it, or later, in the trace of who did.

    Gives what is to be told how the run then stands.
    """
    if not telemetry.is_on():
        yield lambda ended: None
        return
    parent, kind = (None, "internal") if here else (row.trace_context, "consumer")
    with telemetry.span("promptledger.run", about(row), kind=kind, parent=parent) as span:

        def told(ended: Execution) -> None:
            span.set({
                "promptledger.status": ended.status, "promptledger.attempts": ended.attempts,
                "promptledger.worker": ended.worker or None,
            })  # fmt: skip
            if ended.error_type:
                span.fail(ended.error_type)
            if ended.is_finished:
                _counted(ended)

        yield told


def _counted(ended: Execution) -> None:
    of = {"promptledger.provider": ended.provider, "gen_ai.request.model": ended.model_name,
          "promptledger.mode": ended.mode}  # fmt: skip
    telemetry.count("promptledger.executions", {**of, "promptledger.status": ended.status})
    if ended.cost_usd:
        telemetry.count("promptledger.cost", of, float(ended.cost_usd))


def asking(
    provider: str, prompt: Prompt, model: str, params: dict[str, Any], streams: bool, ask: Callable[[], Answer]
) -> Answer:
    """Call a model within a span of the conventions, and measure it. Returns and raises what `ask` does."""
    if not telemetry.is_on():
        return ask()
    of = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": model}
    more = {"gen_ai.request.stream": streams or None, **_parameters(params)}
    began = time.perf_counter()
    with telemetry.span(f"chat {model}", {**of, **more}, kind="client") as span:
        if telemetry.captures_content():
            span.set({"gen_ai.input.messages": _messages(prompt)})
        try:
            answer = ask()
        except ProviderError as error:
            telemetry.measure("gen_ai.client.operation.duration", _since(began), {**of, "error.type": error.code})
            raise
        of["gen_ai.response.model"] = answer.model or model
        span.set({
            "gen_ai.response.model": answer.model or None,
            "gen_ai.response.finish_reasons": [answer.finish_reason] if answer.finish_reason else None,
            "gen_ai.usage.input_tokens": answer.prompt_tokens, "gen_ai.usage.output_tokens": answer.response_tokens,
            "promptledger.cost_usd": None if answer.cost_usd is None else float(answer.cost_usd),
        })  # fmt: skip
        if telemetry.captures_content():
            span.set({"gen_ai.output.messages": _said(answer)})
    telemetry.measure("gen_ai.client.operation.duration", _since(began), of)
    for kind, tokens in (("input", answer.prompt_tokens), ("output", answer.response_tokens)):
        if tokens is not None:
            telemetry.measure("gen_ai.client.token.usage", tokens, {**of, "gen_ai.token.type": kind})
    return answer


def _since(began: float) -> float:
    return time.perf_counter() - began


def _parameters(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that the conventions know, where they are what they should be; others are nobody's business."""
    found: dict[str, Any] = {
        name: params[given]
        for given, name in PARAMETERS.items()
        if isinstance(params.get(given), int | float) and abs(params[given]) < 2**63
    }
    stop = params.get("stop", params.get("stop_sequences"))
    if telemetry.captures_content() and (stop := [stop] if isinstance(stop, str) else stop):
        found["gen_ai.request.stop_sequences"] = [str(one) for one in stop]
    if isinstance(form := params.get("response_format"), dict):
        found["gen_ai.output.type"] = "json" if str(form.get("type", "")).startswith("json") else "text"
    return found


def _messages(prompt: Prompt) -> str:
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    return json.dumps([_message(one["role"], one["content"]) for one in asked], ensure_ascii=False)


def _said(answer: Answer) -> str:
    said = {**_message("assistant", answer.text), "finish_reason": answer.finish_reason or "stop"}
    return json.dumps([said], ensure_ascii=False)


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}
