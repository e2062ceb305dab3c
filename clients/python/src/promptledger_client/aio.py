"""The client for asyncio: the same copies and the same decisions, and nothing that waits in the event loop."""

import asyncio
import os
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Any

from promptledger_client import forks
from promptledger_client.client import registered, rendered, rendering
from promptledger_client.errors import PromptLedgerError, Unavailable
from promptledger_client.jinja import NoJinja
from promptledger_client.keeper import Keeper
from promptledger_client.prompts import Fallback, Prompt
from promptledger_client.questions import Question
from promptledger_client.settings import Settings
from promptledger_client.transport import AsyncTransport


class Flight:
    """A question that a task of this loop is asking now. The task goes on when a caller is cancelled."""

    __slots__ = ("asked", "error", "prompt", "task")

    def __init__(self) -> None:
        self.asked = monotonic()
        self.task: asyncio.Task[None] | None = None
        self.prompt: Prompt | None = None
        self.error: PromptLedgerError | None = None


class AsyncPromptLedger:
    """As PromptLedger, awaited. One may serve several event loops, one after the other or in several threads."""

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
        self.transport = AsyncTransport(self.settings)
        self._keeper = Keeper(self.settings)
        self._entries = self._keeper.entries
        self._flights: dict[tuple[int, Question], Flight] = {}
        forks.tell(self)

    async def prompt(
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
        """As PromptLedger.prompt."""
        asked = (agent, status_key, name, version, stage, strict)
        entry = self._entries.get(asked)  # type: ignore[call-overload]
        if entry is not None and monotonic() < entry.until:
            return entry.prompt  # type: ignore[no-any-return]
        return await self._look_up(Question(*asked).checked(), fallback)

    async def _look_up(self, question: Question, fallback: Fallback | None) -> Prompt:
        keeper, called = self._keeper, monotonic()
        if keeper.disk.folder is not None and question not in keeper.entries and question not in keeper.looked:
            await asyncio.to_thread(keeper.recall, question)
        while True:
            known = keeper.at_once(question, fallback)
            if known is not None:
                return known
            flight, leads = self._join(question)
            trouble = keeper.failing(question)
            if not leads and trouble is not None and question in self._entries:
                return keeper.rescue(question, trouble, fallback)
            if flight.task is not None:
                await asyncio.shield(flight.task)
            if flight.error is not None:
                return keeper.rescue(question, flight.error, fallback)
            # An answer to a question that was put before this call may be older than this caller's ttl allows.
            if flight.prompt is not None and flight.asked >= called - self.settings.ttl:
                return flight.prompt

    def _join(self, question: Question) -> tuple[Flight, bool]:
        """The flight of this loop for a question, and whether it was begun now."""
        loop = asyncio.get_running_loop()
        key = (id(loop), question)
        flight = self._flights.get(key)
        if flight is not None and flight.task is not None and flight.task.get_loop() is loop and not flight.task.done():
            return flight, False
        flight = self._flights[key] = Flight()
        flight.task = loop.create_task(self._fly(key, flight))
        return flight, True

    async def _fly(self, key: tuple[int, Question], flight: Flight) -> None:
        """Ask, for all who wait."""
        question, keeper = key[1], self._keeper
        try:
            reply = await self.transport.request(
                "GET", question.path, params=question.params, headers=keeper.headers(question),
                timeout=keeper.patience(question),
            )  # fmt: skip
            flight.prompt, is_new = keeper.accept(question, reply, flight.asked)
            if is_new:
                await asyncio.to_thread(keeper.write, question)
        except PromptLedgerError as error:
            keeper.fail(question, error)
            flight.error = error
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]

    async def render(self, prompt: Prompt, variables: Mapping[str, Any] | None = None, /, **more: Any) -> Any:
        """As `prompt.render`; a Jinja2 prompt is filled by the server where the package jinja2 is not installed."""
        values = {**(variables or {}), **more}
        try:
            return prompt.render(values)
        except NoJinja:
            path, body = rendering(prompt, values)
            version = {"version": str(prompt.version)}
            return rendered(prompt, await self.transport.request("POST", path, json=body, params=version))

    async def register(
        self, prompts: Iterable[Mapping[str, Any]], *, dry_run: bool = False, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """As PromptLedger.register."""
        items = [dict(one) for one in prompts]
        body = {"prompts": items, "dry_run": dry_run}
        try:
            reply = await self.transport.request("POST", "/v1/prompts/register-code", json=body, timeout=timeout)
            results = registered(reply, len(items))
        except Unavailable as error:
            self._keeper.gone(error)
            raise
        self._keeper.expire()
        return results

    def after_fork(self) -> None:
        """In a child: own connections, nobody else's questions, and every copy is asked for before it is trusted."""
        self.transport = AsyncTransport(self.settings)
        self._flights = {}
        self._keeper.expire()

    async def close(self) -> None:
        """Close the connections of this event loop."""
        await self.transport.close()

    async def __aenter__(self) -> "AsyncPromptLedger":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncPromptLedger {self.settings.base_url}, {len(self._entries)} prompts in memory>"
