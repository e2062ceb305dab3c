"""The client: a prompt in microseconds while it is warm, else in one round trip, the last good one when all fails."""

import os
from collections.abc import Iterable, Mapping, Sequence
from threading import Event
from time import monotonic
from typing import Any
from urllib.parse import quote

from promptledger_client import forks
from promptledger_client.errors import BadAnswer, MissingVariables, PromptLedgerError, Refused, Unavailable
from promptledger_client.keeper import Keeper
from promptledger_client.prompts import Fallback, Prompt
from promptledger_client.questions import Question
from promptledger_client.replies import Reply
from promptledger_client.settings import Settings
from promptledger_client.transport import Transport


class Flight:
    """A question that somebody is asking now; the others wait for it."""

    __slots__ = ("asked", "done", "error", "prompt")

    def __init__(self) -> None:
        self.asked = monotonic()
        self.done = Event()
        self.prompt: Prompt | None = None
        self.error: PromptLedgerError | None = None


class PromptLedger:
    """A ledger's prompts. Make one for a program and share it: threads may, and it survives a fork.

    Arguments are those of `Settings.load`; what is left out comes from the environment. Nothing is asked before the
    first prompt is.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float | None = None,
        revalidate_timeout: float | None = None,
        ttl: float | None = None,
        max_stale: float | None = None,
        cache_dir: str | os.PathLike[str] | bool | None = None,
        bundle: str | os.PathLike[str] | None = None,
    ) -> None:
        self.settings = Settings.load(
            base_url, api_key, timeout=timeout, revalidate_timeout=revalidate_timeout, ttl=ttl, max_stale=max_stale,
            cache_dir=cache_dir, bundle=bundle,
        )  # fmt: skip
        self.transport = Transport(self.settings)
        self._keeper = Keeper(self.settings, self._render)
        self._entries = self._keeper.entries
        self._flights: dict[Question, Flight] = {}
        forks.tell(self)

    def prompt(
        self,
        agent: str | None = None,
        *,
        status_key: str | None = None,
        name: str | None = None,
        version: int | str | None = None,
        stage: str | None = None,
        strict: bool = False,
        fallback: Fallback | None = None,
    ) -> Prompt:
        """Return the prompt that is live for an agent in a state, or that bears a name.

        `strict` turns the agent's fallback to other status keys off; `version` (3, "v2.3") or `stage` ask for another
        than what is in production. `fallback` is given when neither the server nor any copy has a text.
        Raises NotFound for a 404, Refused for 401, 403 and other refusals, Unavailable when there is nothing at all.
        """
        asked = (agent, status_key, name, version, stage, strict)
        entry = self._entries.get(asked)  # type: ignore[call-overload]
        if entry is not None and monotonic() < entry.until:
            return entry.prompt  # type: ignore[no-any-return]
        return self._look_up(Question(*asked).checked(), fallback)

    def _look_up(self, question: Question, fallback: Fallback | None) -> Prompt:
        keeper, called = self._keeper, monotonic()
        keeper.recall(question)
        while True:
            known = keeper.at_once(question, fallback)
            if known is not None:
                return known
            mine = Flight()
            flight = self._flights.setdefault(question, mine)
            if flight is mine:
                self._fly(question, mine)
            else:
                trouble = keeper.failing(question)
                if trouble is not None and question in self._entries:
                    return keeper.rescue(question, trouble, fallback)
                flight.done.wait()
            if flight.error is not None:
                return keeper.rescue(question, flight.error, fallback)
            # An answer to a question that was put before this call may be older than this caller's ttl allows.
            if flight.prompt is not None and flight.asked >= called - self.settings.ttl:
                return flight.prompt

    def _fly(self, question: Question, flight: Flight) -> None:
        """Ask, for all who wait."""
        keeper = self._keeper
        try:
            reply = self.transport.request(
                "GET", question.path, params=question.params, headers=keeper.headers(question),
                timeout=keeper.patience(question),
            )  # fmt: skip
            flight.prompt, is_new = keeper.accept(question, reply, flight.asked)
            if is_new:
                keeper.write(question)
        except PromptLedgerError as error:
            keeper.fail(question, error)
            flight.error = error
        finally:
            self._flights.pop(question, None)
            flight.done.set()

    def register(
        self, prompts: Iterable[Mapping[str, Any]], *, dry_run: bool = False, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Register prompts that live in code (POST /v1/prompts/register-code); returns a result for each, in order.

        Copies are asked for anew afterwards. `timeout` is for many at once: thousands take some seconds.
        Raises Refused (nothing was written) and Unavailable.
        """
        items = [dict(one) for one in prompts]
        body = {"prompts": items, "dry_run": dry_run}
        try:
            reply = self.transport.request("POST", "/v1/prompts/register-code", json=body, timeout=timeout)
            results = registered(reply, len(items))
        except Unavailable as error:
            self._keeper.gone(error)
            raise
        self._keeper.expire()
        return results

    @property
    def is_waiting(self) -> bool:
        """Whether the server failed a moment ago and is left alone now."""
        return self._keeper.server.waits

    def _render(self, prompt: Prompt, values: Mapping[str, Any]) -> Any:
        """Let the server fill a Jinja2 prompt, where the package jinja2 is not installed."""
        path, body = rendering(prompt, values)
        return rendered(
            prompt, self.transport.request("POST", path, json=body, params={"version": str(prompt.version)})
        )

    def after_fork(self) -> None:
        """In a child: own connections, nobody else's questions, and every copy is asked for before it is trusted."""
        self.transport = Transport(self.settings)
        self._flights = {}
        self._keeper.expire()

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def __enter__(self) -> "PromptLedger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<PromptLedger {self.settings.base_url}, {len(self._entries)} prompts in memory>"


def registered(reply: Reply, count: int) -> list[dict[str, Any]]:
    """The results in a register-code answer, one for each prompt. Raises as `Reply.checked`, and BadAnswer."""
    said = reply.checked().body
    results = said.get("registered") if isinstance(said, dict) else None
    if not isinstance(results, list) or len(results) != count:
        raise BadAnswer("it answered a registration with something else")
    return results


def rendering(prompt: Prompt, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Path and body of the call that lets the server fill a prompt."""
    return f"/v1/prompts/{quote(prompt.name or '', safe='')}/render", {"variables": dict(values)}


def rendered(prompt: Prompt, reply: Reply) -> str | list[dict[str, str]]:
    """What the server filled in. Raises MissingVariables, Refused; BadAnswer when it is not of this very text."""
    try:
        said = reply.checked().body
    except Refused as error:
        missing: Sequence[str] = error.body.get("missing", ()) if isinstance(error.body, dict) else ()
        if error.code == "missing_variables" and missing:
            raise MissingVariables(missing) from error
        raise
    key = "messages" if prompt.type == "chat" else "text"
    if not isinstance(said, dict) or key not in said or said.get("checksum_hash") != prompt.checksum_hash:
        raise BadAnswer("it filled another text than this one; install jinja2 to fill it in here")
    filled: str | list[dict[str, str]] = said[key]
    return filled
