"""Running a version (SPEC 6): what makes an execution and carries it to its end. `leases` writes how it stands.

Whoever asks, now or later, with a prompt of either mode: the same steps. The row is stored before anybody is asked,
so that nothing that happens then goes unrecorded.
"""

import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from common import correlation
from common.canonical import canonical_json, sha256
from common.errors import BadInput, Conflict, NotFound, Refusal
from executions import leases, limits, providers, queue, retries, tracing
from executions.models import ENVIRONMENTS, UNFINISHED, Execution, Mode, Status
from executions.providers import Answer, Provider, ProviderError
from ledger.actors import Actor
from versions import content, templating
from versions.models import Prompt, PromptVersion
from versions.seen import Seen

RESPONSE_LIMIT = 500 * 1024  # bytes of UTF-8 (SPEC 5)
MESSAGE_LIMIT = 4_000
KEY_LENGTH = 255
DEFECT = "internal_error"
OnText = Callable[[str], None]
logger = logging.getLogger("promptledger.run")


def run_test(
    version: PromptVersion,
    *,
    by: Actor,
    seen: Seen,
    variables: Any = None,
    provider: str | None = None,
    model_name: str | None = None,
    params: Any = None,
    on_text: OnText | None = None,
) -> Execution:
    """Run the saved text against the environment of its stage and keep the run (S0-28, S0-31, S0-53).

    Returns the finished Execution. Raises StaleView (409), BadInput (400; nothing is kept), ProviderError (502; the
    run is kept as failed and named by `execution_id`).
    """
    fresh = PromptVersion.objects.select_related("prompt").filter(pk=version.pk).first()
    if fresh is None:
        raise NotFound(f"{version.label} was deleted in the meantime.")
    seen.check(fresh)
    return run(
        fresh, by=by, variables=variables, provider=provider, model_name=model_name, params=params,
        environment=fresh.environment, is_test=True, on_text=on_text,
    )  # fmt: skip


def run(
    version: PromptVersion,
    *,
    by: Actor,
    variables: Any = None,
    provider: str | None = None,
    model_name: str | None = None,
    params: Any = None,
    environment: str = "dev",
    mode: str = Mode.SYNC,
    idempotency_key: str = "",
    request: Any = None,
    correlation_id: str = "",
    is_test: bool = False,
    on_text: OnText | None = None,
) -> Execution:
    """Fill the text and have it answered: now (sync: the finished execution) or by a worker (async: the queued one).

    `request` is what an idempotency key stands for, as JSON; the same key with another request is refused. Raises
    BadInput (400) and limits.Busy (429), with nothing kept; ProviderError (502), with the run kept as failed and named
    by `execution_id`; for a known key what `repeated` raises.
    """
    hashed = hash_of(request)
    if idempotency_key and (first := earlier(version.prompt, idempotency_key)):
        return repeated(first, hashed)
    require_run_mode(mode)
    if environment not in ENVIRONMENTS:
        said = f"There is no environment '{environment}'. Known: {', '.join(ENVIRONMENTS)}."
        raise BadInput(said, errors={"environment": [said]})
    prompt = version.prompt
    filled = templating.render(version.template_source, variables, kind=prompt.type, style=prompt.template_format)
    chosen = providers.for_environment(
        environment, provider=provider, model_name=model_name, params=params, config=version.config
    )
    row = Execution(
        prompt=prompt,
        prompt_name=prompt.name,
        version=version,
        label=version.label,
        template_hash=version.checksum_hash,
        content_hash=version.content_hash,
        rendered_prompt=filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False),
        variables=variables or {},
        environment=environment,
        provider=chosen.name,
        model_name=chosen.model,
        params=content.check_config(chosen.params),
        mode=mode,
        is_test=is_test,
        idempotency_key=idempotency_key,
        request_hash=hashed if idempotency_key else "",
        correlation_id=correlation_id or correlation.current(),
        created_by=by.name,
        created_at=timezone.now(),
    )
    with tracing.storing(row):
        stored = _stored(row)
    if not stored:
        return repeated(Execution.objects.get(prompt=prompt, idempotency_key=idempotency_key), hashed)
    if mode == Mode.ASYNC:
        return row
    return answered(carry_out(row, on_text=on_text))


def require_run_mode(mode: Any) -> None:
    """Raise BadInput (400) unless this says whether somebody waits."""
    if mode not in Mode.values:
        raise BadInput(f"Invalid execution mode: {str(mode)[:100]}. Must be 'sync' or 'async'.", code="invalid_mode")


def require_expected_mode(prompt: Prompt, expected: str | None) -> None:
    """Raise BadInput (400) where the caller takes the prompt for one of the other mode (S1-55)."""
    if expected is not None and expected != prompt.mode:
        said = f"Prompt '{prompt.name}' is in {prompt.mode} mode, expected {expected}"
        raise BadInput(said, code="wrong_mode", mode=prompt.mode)


def cancel(row: Execution) -> Execution:
    """End a run that is queued or running. Raises Conflict (409) for one that has its end."""
    if not leases.cancel(row.pk):
        said = f"This run is {leases.reread(row).status} already: there is nothing to cancel."
        raise Conflict(said, code="finished", execution_id=str(row.pk))
    return leases.reread(row)


def run_again(row: Execution, *, by: Actor) -> Execution:
    """Queue the same version on the same variables once more, as its text is now. Raises what `run` does."""
    if row.version is None:
        raise Conflict(f"{row.label} was deleted: its text can be read here, but not run.", code="gone")
    return run(
        row.version,
        by=by,
        variables=row.variables,
        provider=row.provider,
        model_name=row.model_name,
        params=row.params,
        environment=row.environment,
        mode=Mode.ASYNC,
        correlation_id=row.correlation_id,
        is_test=row.is_test,
    )


def _stored(row: Execution) -> bool:
    """Store a new row: queued and announced, or running and ours. False where its key was taken a moment before.

    Raises NotFound where the draft was deleted a moment before.
    """
    try:
        return _store(row)
    except IntegrityError as error:
        if row.version is None or PromptVersion.objects.filter(pk=row.version.pk).exists():
            raise
        raise NotFound(f"{row.label} of '{row.prompt_name}' was deleted in the meantime.") from error


def _store(row: Execution) -> bool:
    with transaction.atomic():
        if row.mode == Mode.SYNC:
            limits.take_or_refuse(row.provider)
            row.status, row.fence, row.attempts, row.worker = Status.RUNNING, 1, 1, leases.name_of_process()
            row.started_at = row.created_at
        else:
            row.announced_at = row.created_at
        Execution.objects.bulk_create([row], ignore_conflicts=bool(row.idempotency_key))
        if row.idempotency_key and not Execution.objects.filter(pk=row.pk).exists():
            transaction.set_rollback(True)
            return False
        if row.mode == Mode.SYNC:
            leases.renew({row.pk: row.fence})
        else:
            queue.announce(row.pk)
    return True


def hash_of(request: Any) -> str:
    """The hash by which a request with an idempotency key is known again."""
    return sha256(canonical_json(request))


def earlier(prompt: Prompt, key: str) -> Execution | None:
    """The execution that this key stands for, or None."""
    return Execution.objects.select_related("prompt", "version").filter(prompt=prompt, idempotency_key=key).first()


def repeated(first: Execution, hashed: str) -> Execution:
    """Return what a repeated request gets: the first one's run.

    Raises a Refusal of 422 for another request, 409 while somebody waits for the first, ProviderError as the first did.
    """
    named: dict[str, Any] = {"execution_id": str(first.pk)}
    if first.request_hash != hashed:
        said = "This idempotency key was used for another request. Take a new key for a new request."
        raise Refusal(said, code="idempotency_key_reused", status=422, **named)
    if first.mode == Mode.SYNC and not first.is_finished:
        said = "The first request with this idempotency key is still being answered. Ask again in a moment."
        raise Conflict(said, code="in_flight", retry_after=1, **named)
    return answered(first)


def answered(row: Execution) -> Execution:
    """Return a run to who waits for it. Raises ProviderError (502) when it failed, Conflict when it was taken over."""
    if row.mode == Mode.SYNC and row.status == Status.FAILED:
        raise ProviderError(row.error_message, code=row.error_type, execution_id=str(row.pk))
    if row.mode == Mode.SYNC and not row.is_finished:
        said = "This run was taken over by a worker; read it by its id."
        raise Conflict(said, code="in_flight", retry_after=1, execution_id=str(row.pk))
    return row


def carry_out(row: Execution, *, on_text: OnText | None = None) -> Execution:
    """Make the attempts of a row that this process holds, and return it as it then stands.

    A worker gives a row that is to be tried again back to the queue; who waits for the answer waits here.
    """
    here = row.mode == Mode.SYNC and row.fence == 1
    with (
        correlation.named(row.correlation_id or correlation.current()),
        tracing.carrying_out(row, here=here) as told,
        leases.heart.beating_for(row),
    ):
        ended = _tried(row, on_text, here)
        told(ended)
        _say(ended)
    return ended


def _say(ended: Execution) -> None:
    """A line of the log for a run: how it stands and what it took, by names and figures only."""
    logger.info(
        "Run %s of %s %s: %s", ended.pk, ended.prompt_name, ended.label, ended.status,
        extra={
            "execution_id": str(ended.pk), "prompt": ended.prompt_name, "version": ended.label, "status": ended.status,
            "mode": ended.mode, "provider": ended.provider, "model": ended.model_name, "attempts": ended.attempts,
            "worker": ended.worker, **ended.telemetry, "error_type": ended.error_type or None,
        },
    )  # fmt: skip


def _tried(row: Execution, on_text: OnText | None, here: bool) -> Execution:
    began = time.monotonic()
    while True:
        stored, error = _attempt(row, on_text)
        if error is None:
            return leases.finish(row, Status.SUCCEEDED, **stored)
        wait = retries.wait_after(row, error)
        if here and wait is not None and time.monotonic() - began + wait > settings.EXECUTION_SYNC_SECONDS:
            wait = None
        if wait is None:
            return leases.finish(row, Status.FAILED, error_type=error.code, error_message=_short(error), **stored)
        row.attempt_log[-1]["retry_in"] = round(wait, 1)
        if not here:
            leases.surely(partial(leases.put_back, row, wait=wait))
            return leases.reread(row)
        if not _waited(row, wait):
            return leases.reread(row)


def _waited(row: Execution, seconds: float) -> bool:
    """Wait for the next attempt and begin it; False when the run was canceled or taken over meanwhile."""
    until = time.monotonic() + seconds
    leases.surely(partial(leases.keep_log, row))
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))
        if not leases.surely(partial(leases.keep_log, row)):
            return False
    while wait := leases.surely(partial(limits.take, row.provider, running_already=1)):
        time.sleep(min(wait, 1.0))
        if not leases.surely(partial(leases.keep_log, row)):
            return False
    return leases.surely(partial(leases.again, row))


def _attempt(row: Execution, on_text: OnText | None) -> tuple[dict[str, Any], ProviderError | None]:
    """Ask the provider once. Returns what is to be stored, and the error if it did not answer."""
    at, began, broke_off = timezone.now().isoformat(), time.perf_counter(), True
    stored: dict[str, Any] = {}
    error: ProviderError | None = None
    try:
        answer = _provider(row).complete(
            _asked(row), model=row.model_name, params=row.params, on_text=on_text, idempotency_key=str(row.pk)
        )
        stored, broke_off = _kept(answer), False
    except ProviderError as failed:
        error, broke_off = failed, False
    except (OperationalError, InterfaceError):
        broke_off = False  # the database is away, not the provider: the lease runs out, and it is run again
        raise
    finally:
        if broke_off:
            said = "The adapter of the provider broke off; the server's log says where."
            leases.note(row, at=at, error_type=DEFECT, error_message=said)
            leases.finish(row, Status.FAILED, error_type=DEFECT, error_message=said)
    stored["latency_ms"] = round((time.perf_counter() - began) * 1000)
    type_, message = (error.code, _short(error)) if error else ("", "")
    leases.note(row, at=at, ms=stored["latency_ms"], error_type=type_, error_message=message)
    return stored, error


def _provider(row: Execution) -> Provider:
    """Who was chosen when the run was made, as it is set up now."""
    choose = partial(
        providers.for_environment, row.environment, provider=row.provider, model_name=row.model_name, params=row.params
    )
    try:
        return leases.surely(choose).provider
    except BadInput as refused:  # it was there when the run was made
        raise ProviderError(refused.detail, code=providers.NOT_CONFIGURED) from refused


def _asked(row: Execution) -> str | list[dict[str, str]]:
    """What the provider is asked: the filled text, or the messages."""
    return json.loads(row.rendered_prompt) if row.prompt and row.prompt.type == "chat" else row.rendered_prompt


def _short(error: ProviderError) -> str:
    return error.detail[:MESSAGE_LIMIT]


def _kept(answer: Answer) -> dict[str, Any]:
    """What is kept of an answer: PostgreSQL cannot store NUL, nor UTF-8 half a character."""
    text = answer.text.replace("\x00", "\ufffd").encode("utf-8", "replace")
    cut = len(text) > RESPONSE_LIMIT
    return {
        "response_text": text[:RESPONSE_LIMIT].decode(errors="ignore"),
        "response_truncated": cut,
        "prompt_tokens": answer.prompt_tokens,
        "response_tokens": answer.response_tokens,
        "cost_usd": answer.cost_usd,
    }


def why_in_use(version: PromptVersion) -> str:
    """Say why a draft is in use, or "": a run that was no TEST, or one that is not finished (SPEC 2)."""
    runs = version.executions.all()
    if runs.filter(status__in=UNFINISHED).exists():
        return "a run of it is queued or running."
    if runs.filter(is_test=False).exists():
        return "it has been executed; the log points at it."
    return ""
