"""Calls over HTTP: a pool of connections, a time limit for the whole call, and plain words for what failed."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import httpx2

from promptledger_client import deadlines
from promptledger_client.errors import BadAnswer, Unavailable
from promptledger_client.kept import kept
from promptledger_client.replies import Reply
from promptledger_client.settings import Settings
from promptledger_client.version import VERSION

# Half of httpx2 is imported at its first use: that belongs to the import, not to a program's first prompt.
httpx2.HTTPTransport(verify=False).close()

LIMIT = 64 * 1024 * 1024  # bytes of an answer, decompressed
AGAIN = (
    httpx2.ReadError,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
)  # a kept connection that the server had closed


def of_client(settings: Settings) -> dict[str, Any]:
    """What the sync and the async pool are made with."""
    headers = {"Accept": "application/json", "User-Agent": f"promptledger-client/{VERSION}"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"
    return {
        "headers": headers,
        "timeout": httpx2.Timeout(settings.timeout),
        "follow_redirects": False,
        "verify": trusted() if settings.base_url.startswith("https:") else False,  # no redirect leads to https
    }


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """The certificates of the system (or of SSL_CERT_FILE), read once: it takes 50 ms and more."""
    return httpx2.create_ssl_context()


def in_words(error: httpx2.HTTPError, timeout: float) -> str:
    """Say what went wrong, in a way that tells where to look."""
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer within {timeout:g} s"
    if isinstance(error, httpx2.ConnectError):
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return f"TLS failed: {cause.reason or cause}"
            cause = cause.__cause__ or cause.__context__
        return f"no connection: {error}"
    if isinstance(error, httpx2.DecodingError):
        return "its answer cannot be decompressed"
    return f"the connection broke: {str(error) or type(error).__name__}"


def failed(error: httpx2.HTTPError, timeout: float) -> Unavailable:
    """The error that a failed call raises."""
    kind = BadAnswer if isinstance(error, httpx2.DecodingError) else Unavailable
    return kind(in_words(error, timeout))


class Body:
    """An answer's body as it comes in. Raises Unavailable when it takes too long, BadAnswer when it is endless."""

    def __init__(self, timeout: float, ends: float) -> None:
        self.timeout, self.ends = timeout, ends
        self.chunks: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Take the next piece."""
        self.chunks.append(chunk)
        self.size += len(chunk)
        if self.size > LIMIT:
            raise BadAnswer(f"its answer is longer than {LIMIT:,} bytes")
        if monotonic() > self.ends:
            raise Unavailable(f"no whole answer within {self.timeout:g} s")


class Transport:
    """The calls of a sync client. Safe to share between threads, not between processes: see `forks`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @kept
    def pool(self) -> httpx2.Client:
        """The connections, made when they are needed first."""
        return deadlines.bound(httpx2.Client(**of_client(self.settings)))

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Return the answer, whatever its status (`reply.checked()` judges it). Raises Unavailable where there is none.

        A GET is tried a second time when a kept connection turns out to be closed; nothing else is ever sent twice.
        """
        limit = timeout or self.settings.timeout
        request = self.pool.build_request(
            method, self.settings.base_url + path, json=json, params=params, headers=headers, timeout=limit
        )
        ends = monotonic() + limit
        try:
            with deadlines.ending(ends):
                try:
                    return self._send(request, limit, ends)
                except AGAIN:
                    if method != "GET":
                        raise
                    return self._send(request, limit, ends)
        except httpx2.HTTPError as error:
            raise failed(error, limit) from error

    def _send(self, request: httpx2.Request, limit: float, ends: float) -> Reply:
        body = Body(limit, ends)
        response = self.pool.send(request, stream=True)
        try:
            for chunk in response.iter_bytes():
                body.add(chunk)
        finally:
            response.close()
        return Reply(response.status_code, dict(response.headers), b"".join(body.chunks))

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        pool: httpx2.Client | None = self.__dict__.pop("pool", None)
        if pool is not None:
            pool.close()


class AsyncTransport:
    """The calls of an async client: a pool for each event loop, as a connection cannot change loops (asyncio.run)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pools: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """As Transport.request."""
        limit = timeout or self.settings.timeout
        pool = self._pool()
        request = pool.build_request(
            method, self.settings.base_url + path, json=json, params=params, headers=headers, timeout=limit
        )
        try:
            try:
                return await asyncio.wait_for(self._send(pool, request, limit), limit)
            except AGAIN:
                if method != "GET":
                    raise
                return await asyncio.wait_for(self._send(pool, request, limit), limit)
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise Unavailable(f"no answer within {limit:g} s") from error
        except httpx2.HTTPError as error:
            raise failed(error, limit) from error

    def _pool(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self.pools:
            for ended in [one for one in self.pools if one.is_closed()]:
                del self.pools[ended]
            self.pools[loop] = httpx2.AsyncClient(**of_client(self.settings))
        return self.pools[loop]

    @staticmethod
    async def _send(pool: httpx2.AsyncClient, request: httpx2.Request, limit: float) -> Reply:
        body = Body(limit, monotonic() + limit)
        response = await pool.send(request, stream=True)
        try:
            async for chunk in response.aiter_bytes():
                body.add(chunk)
        finally:
            await response.aclose()
        return Reply(response.status_code, dict(response.headers), b"".join(body.chunks))

    async def close(self) -> None:
        """Close the connections of this event loop."""
        pool = self.pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()
