"""Calls of the ledger's API for the commands: every answer is JSON, or the command stops and says why."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from promptledger_client import errors
from promptledger_client.cli.stops import BadInput, Refused, Stop, Unreachable
from promptledger_client.served import judged

if TYPE_CHECKING:
    from promptledger_client.transport import Transport

Thing = TypeVar("Thing")
Result = TypeVar("Result")

PAGE = 200  # the most that a page holds
AT_ONCE = 8  # calls, where many things are asked for one by one
BAD = {400, 405, 413, 414, 415, 422}


class Answer(dict[str, Any]):
    """A JSON object of an answer. Raises Unreachable for a key that every PromptLedger says and this one does not."""

    def __missing__(self, key: str) -> Any:
        raise Unreachable(f"What answers is no PromptLedger, or another release of it: an answer has no '{key}'.")


def answers(value: Any) -> list[Answer]:
    """The objects of a list in an answer. Raises Unreachable for anything else."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Unreachable("What answers is no PromptLedger, or another release of it: a list of objects was due.")
    return [Answer(one) for one in value]


class Ledger:
    """A PromptLedger at an address."""

    def __init__(self, transport: Transport, url: str) -> None:
        self.transport, self.url = transport, url

    def call(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the JSON object of a good answer. Raises Refused, BadInput or Unreachable, in the ledger's words."""
        try:
            return self._answer(method, path, body, params)
        except errors.Refused as error:
            raise stop_for(error) from error

    def find(self, path: str, **params: str) -> dict[str, Any] | None:
        """The JSON of a GET, or None where there is nothing (404). Raises as `call`."""
        try:
            return self._answer("GET", path, None, params or None)
        except errors.NotFound:
            return None
        except errors.Refused as error:
            raise stop_for(error) from error

    def _answer(self, method: str, path: str, body: Any, params: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            content = self.transport.request(method, path, json=body, params=params).checked().content
            data = json.loads(content)
        except errors.Unavailable as error:
            raise Unreachable(f"No PromptLedger to work with at {self.url}: {error}.") from error
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise Unreachable(f"What answers at {self.url} is no PromptLedger: {method} {path} gave no JSON object.")
        return Answer(data)

    def served(self, path: str, **params: str) -> dict[str, Any]:
        """What is served at a path: a prompt whose text is the one its hash was made of. Raises as `call`."""
        return self._judged(self.call("GET", path, params=params or None))

    def find_served(self, path: str, **params: str) -> dict[str, Any] | None:
        """The same, or None where nothing is served (404)."""
        found = self.find(path, **params)
        return None if found is None else self._judged(found)

    def _judged(self, answer: dict[str, Any]) -> dict[str, Any]:
        try:
            return judged(answer)
        except errors.BadAnswer as error:
            raise Unreachable(f"What answers at {self.url} is no PromptLedger: {error}.") from error

    def pages(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page by page."""
        page = 1
        while True:
            data = self.call("GET", path, params={**params, "page": page, "page_size": PAGE})
            yield from answers(data["results"])
            if not data.get("next"):
                return
            page += 1


def side_by_side(ask: Callable[[Thing], Result], things: Iterable[Thing]) -> Iterator[Result]:
    """Yield what `ask` gives for each thing, in their order, asking a few at a time. The first error ends it all."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(ask, things)
        finally:
            pool.shutdown(cancel_futures=True)


def stop_for(error: errors.Refused) -> Stop:
    """The way a command ends on a refusal, in the ledger's words."""
    said = error.body if isinstance(error.body, dict) else {}
    hint = " A key is given by PROMPTLEDGER_API_KEY or --key-file." if error.status == 401 else ""
    kind = BadInput if error.status in BAD and error.code != "wrong_mode" else Refused
    places = {key: said[key] for key in ("items", "index", "name") if key in said}
    lines = [] if places else errors_of(said)
    return kind(error.detail + hint, lines, status=error.status, code=error.code, **places)


def errors_of(said: dict[str, Any]) -> list[str]:
    """The field errors of a refusal as lines; none where the detail says it already."""
    errors = said.get("errors")
    if not isinstance(errors, dict):
        return []
    told = str(said.get("detail"))
    listed = ((name, texts if isinstance(texts, list) else [texts]) for name, texts in errors.items())
    return [f"{name}: {text}" for name, texts in listed for text in texts if str(text) not in told]


def prompt_path(name: str, *more: str) -> str:
    """The path of a prompt, and of what is below it."""
    return "/v1/prompts/" + "/".join(quote(part, safe="") for part in (name, *more))


def agent_path(name: str, *more: str) -> str:
    """The path of an agent, and of what is below it."""
    return "/v1/agents/" + "/".join(quote(part, safe="") for part in (name, *more))
