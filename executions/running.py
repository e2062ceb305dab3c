"""Running a version: the only code that makes an Execution or changes its status (SPEC 6)."""

import json
import time
from typing import Any

from django.conf import settings
from django.utils import timezone

from common.errors import BadInput, NotFound
from executions import providers
from executions.models import UNFINISHED, Execution, Status
from executions.providers import Answer, Provider, ProviderError
from ledger.actors import Actor
from versions import content, templating
from versions.models import PromptVersion
from versions.seen import Seen

RESPONSE_LIMIT = 500 * 1024  # bytes of UTF-8 (SPEC 5)
DEFAULT_MODEL = "gpt-4o-mini"
MODEL_LENGTH = 200


def run_test(
    version: PromptVersion,
    *,
    by: Actor,
    seen: Seen,
    variables: Any = None,
    provider: str | None = None,
    model_name: str | None = None,
    params: Any = None,
) -> Execution:
    """Run the saved text against the environment of its stage and keep the run (S0-28, S0-31, S0-53).

    Returns the finished Execution. Raises StaleView (409), BadInput (400; nothing is kept), ProviderError (502; the
    run is kept as failed and named by `execution_id`).
    """
    fresh = PromptVersion.objects.select_related("prompt").filter(pk=version.pk).first()
    if fresh is None:
        raise NotFound(f"{version.label} was deleted in the meantime.")
    seen.check(fresh)
    prompt = templating.render(
        fresh.template_source, variables, kind=fresh.prompt.type, style=fresh.prompt.template_format
    )
    chosen = providers.get(provider or settings.TEST_PROVIDER)
    execution = _start(
        fresh,
        by,
        prompt,
        variables=variables or {},
        provider=chosen.name,
        model_name=_model(model_name, fresh.config),
        params=_params(params, fresh.config),
    )
    return _finish(execution, chosen, prompt)


def _start(version: PromptVersion, by: Actor, filled: str | list[dict[str, str]], **fields: Any) -> Execution:
    """Store the run before anybody is asked, so that nothing that happens then goes unrecorded."""
    now = timezone.now()
    return Execution.objects.create(
        prompt=version.prompt,
        prompt_name=version.prompt.name,
        version=version,
        label=version.label,
        template_hash=version.checksum_hash,
        content_hash=version.content_hash,
        rendered_prompt=filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False),
        environment=version.environment,
        status=Status.RUNNING,
        is_test=True,
        attempts=1,
        created_by=by.name,
        created_at=now,
        started_at=now,
        **fields,
    )


def _finish(execution: Execution, provider: Provider, prompt: str | list[dict[str, str]]) -> Execution:
    """Ask the provider and store what came of it."""
    began = time.perf_counter()
    try:
        answer = provider.complete(prompt, model=execution.model_name, params=execution.params)
    except ProviderError as error:
        _store(execution, began, status=Status.FAILED, error_type=error.code, error_message=error.detail)
        error.data["execution_id"] = str(execution.pk)
        raise
    return _store(execution, began, status=Status.SUCCEEDED, **_kept(answer))


def _kept(answer: Answer) -> dict[str, Any]:
    raw = answer.text.encode()
    cut = len(raw) > RESPONSE_LIMIT
    return {
        "response_text": raw[:RESPONSE_LIMIT].decode(errors="ignore") if cut else answer.text,
        "response_truncated": cut,
        "prompt_tokens": answer.prompt_tokens,
        "response_tokens": answer.response_tokens,
        "cost_usd": answer.cost_usd,
    }


def _store(execution: Execution, began: float, **fields: Any) -> Execution:
    """Finish a running execution; one that is finished already keeps its result."""
    fields |= {"latency_ms": round((time.perf_counter() - began) * 1000), "completed_at": timezone.now()}
    Execution.objects.filter(pk=execution.pk, status=Status.RUNNING).update(**fields)
    for name, value in fields.items():
        setattr(execution, name, value)
    return execution


def _model(given: Any, config: dict[str, Any]) -> str:
    named = given or config.get("model") or DEFAULT_MODEL
    if not isinstance(named, str) or len(named) > MODEL_LENGTH:
        raise BadInput("model_name must be a short text.", errors={"model_name": ["Not a short text."]})
    return named


def _params(given: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The parameters of this run: those of the config, and over them the given ones."""
    if given is not None and not isinstance(given, dict):
        raise BadInput("params must be a JSON object.", errors={"params": ["Not a JSON object."]})
    own = {key: value for key, value in config.items() if key not in ("provider", "model")}
    return content.check_config({**own, **(given or {})})


def why_in_use(version: PromptVersion) -> str:
    """Say why a draft is in use, or "": a run that was no TEST, or one that is not finished (SPEC 2)."""
    runs = version.executions.all()
    if runs.filter(status__in=UNFINISHED).exists():
        return "a run of it is queued or running."
    if runs.filter(is_test=False).exists():
        return "it has been executed; the log points at it."
    return ""
