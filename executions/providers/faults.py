"""From a vendor's library's many errors to our few: one ProviderError, in plain words, without the key (SPEC 6).

The SDKs of OpenAI and Anthropic are made by one generator and name their errors alike, so they are read by their shape.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from common.errors import Refusal
from common.secrets import Secret
from executions.providers.answers import (
    BAD_ANSWER,
    CONNECTION,
    NOT_ALLOWED,
    NOT_CONFIGURED,
    RATE_LIMITED,
    REFUSED,
    SERVER_ERROR,
    TIMEOUT,
    Answer,
    Prompt,
    ProviderError,
)

SAID_LIMIT = 300
DEEP = 12  # errors that were raised from errors


def need(name: str, *, base_url: str, key: Secret | None) -> None:
    """Raise ProviderError unless there is an address, and a key where one is needed (None: it is not)."""
    if not base_url:
        raise ProviderError(f"The provider '{name}' has no base URL. An admin sets it.", code=NOT_CONFIGURED)
    if key is not None and not key:
        raise ProviderError(f"The provider '{name}' has no API key. An admin sets it.", code=NOT_CONFIGURED)


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """A text is what the user says; messages are sent as they are."""
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def plainly(ask: Callable[[], Answer], *, name: str, key: Secret) -> Answer:
    """Call `ask`, and raise what goes wrong in it as a ProviderError.

    It is raised outside of the handler: the library's error holds the request, and the request holds the key.
    """
    import httpx2

    try:
        return ask()
    except ProviderError:
        raise
    except ImportError as error:
        failure = ProviderError(f"The library of provider '{name}' is not installed: {error}.", code=NOT_CONFIGURED)
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, Refusal) as error:
        failure = _read(error, name, key)
    except _of_libraries() as error:
        failure = _read(error, name, key)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        failure = ProviderError(f"{name} answered something that is no answer of its kind.", code=BAD_ANSWER)
    raise failure


def _of_libraries() -> tuple[type[Exception], ...]:
    """The root errors of the SDKs that are loaded."""
    roots = (("openai", "OpenAIError"), ("anthropic", "AnthropicError"))
    return tuple(getattr(sys.modules[library], root) for library, root in roots if library in sys.modules)


def _read(error: Exception, name: str, key: Secret) -> ProviderError:
    """What an error of the library, or of the line under it, means."""
    from common import outbound

    chain = list(_chain(error))
    if refused := next((cause for cause in chain if isinstance(cause, Refusal)), None):
        code = NOT_ALLOWED if isinstance(refused, outbound.NotAllowed) else BAD_ANSWER
        return ProviderError(f"{name}: {refused.detail}", code=code)
    if any(isinstance(cause, outbound.CutOff) for cause in chain):
        return ProviderError(f"The answer of {name} broke off before its end.", code=BAD_ANSWER)
    if isinstance(status := getattr(error, "status_code", None), int) and status >= 300:
        return _of_status(error, status, name, key)
    kinds = {kind.__name__ for cause in chain for kind in type(cause).__mro__}
    if kinds & {"APITimeoutError", "TimeoutException"}:
        return ProviderError(f"{name} did not answer in time.", code=TIMEOUT)
    if kinds & {"APIConnectionError", "TransportError"}:
        return ProviderError(f"{name} could not be reached.", code=CONNECTION)
    if "InvalidURL" in kinds:
        return ProviderError(f"The base URL of {name} is no address.", code=NOT_CONFIGURED)
    return _of_event(error, name, key)


def _of_status(error: Exception, status: int, name: str, key: Secret) -> ProviderError:
    said = _said(error, key)
    if status == 408:
        return ProviderError(f"{name} gave up waiting (408){said}.", code=TIMEOUT)
    if status == 429:
        headers = getattr(getattr(error, "response", None), "headers", {})
        return ProviderError(
            f"{name} is asked too often (429){said}.", code=RATE_LIMITED, retry_after=retry_after(headers)
        )
    if status >= 500:
        headers = getattr(getattr(error, "response", None), "headers", {})
        return ProviderError(f"{name} failed ({status}){said}.", code=SERVER_ERROR, retry_after=retry_after(headers))
    return ProviderError(f"{name} refused the request ({status}){said}.", code=REFUSED)


def _of_event(error: Exception, name: str, key: Secret) -> ProviderError:
    """An error within a stream has no status; its type may say that the vendor was overloaded."""
    kind = str(getattr(error, "type", None) or getattr(error, "code", None) or "")
    said = _said(error, key)
    if "rate_limit" in kind:
        return ProviderError(f"{name} is asked too often{said}.", code=RATE_LIMITED)
    if kind in {"server_error", "api_error", "overloaded_error"}:
        return ProviderError(f"{name} failed in the middle of its answer{said}.", code=SERVER_ERROR)
    return ProviderError(f"{name} answered something that is no answer of its kind{said}.", code=BAD_ANSWER)


def _said(error: Exception, key: Secret) -> str:
    """The vendor's own sentence, where it has the vendors' shape: never a raw body, never the key."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else inner
    if not isinstance(message, str) or not message.strip():
        return ""
    return f": {key.hide_in(' '.join(message.split()))[:SAID_LIMIT].rstrip('.')}"


def retry_after(headers: Any, *, now: float | None = None) -> float | None:
    """The seconds that Retry-After asks for, as a number or a date; None where it says nothing usable."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
            # A date that names no zone is Greenwich's, as every date of HTTP, not one of this site.
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = date.timestamp() - (time.time() if now is None else now)
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if seconds < float("inf") else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(DEEP):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def number(value: Any) -> int | None:
    """A count of tokens, if it is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def gather(calls_so_far: list[dict[str, str]], pieces: Any) -> None:
    """Add the pieces of tool calls that a stream brings, by their index."""
    for piece in pieces if isinstance(pieces, list) else []:
        place = number(getattr(piece, "index", None)) or 0
        if place > len(calls_so_far):
            continue
        if place == len(calls_so_far):
            calls_so_far.append({"name": "", "arguments": ""})
        asked = getattr(piece, "function", None)
        calls_so_far[place]["name"] += getattr(asked, "name", None) or ""
        calls_so_far[place]["arguments"] += getattr(asked, "arguments", None) or ""


def calls(tools: Any) -> str:
    """Tool calls as JSON text: the answer of a model that calls instead of talking. "" where there are none."""
    said = (
        [tool if isinstance(tool, dict) else _call(tool) for tool in tools if tool] if isinstance(tools, list) else []
    )
    return json.dumps(said, ensure_ascii=False) if said else ""


def _call(tool: Any) -> dict[str, Any]:
    asked = getattr(tool, "function", tool)
    arguments = getattr(asked, "arguments", None)
    return {"name": getattr(asked, "name", None), "arguments": arguments}
