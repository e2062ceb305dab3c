"""The only door to the network: every request of ours to an address that somebody typed goes through this guard.

A name is looked up once, all its addresses are judged, and one of those judged is dialled, so a name server that
answers differently the second time gains nothing (RELIABILITY 2.1, docs/adr/0013). Knows nothing of who asks: providers
today, webhooks next. Loads the HTTP library, so import it where it is used, not at the start.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import httpcore2
import httpx2

from common.destinations import NotAllowed, Rules, check_address, check_url, current_rules
from common.errors import Refusal

CONNECT_SECONDS = 10.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})

Resolver = Callable[..., list[Any]]


class TooLarge(Refusal):
    """The other side sends more than we take."""

    status = 502
    code = "answer_too_large"


class CutOff(httpx2.ReadError):
    """The answer had begun, and broke off."""


def client(*, seconds: float, limit: int, verify: ssl.SSLContext | None = None) -> httpx2.Client:
    """Return an HTTP client behind the guard: `seconds` for a whole exchange, at most `limit` bytes of answer.

    It takes no proxy or certificate from the environment and follows no redirect.
    """
    return httpx2.Client(
        transport=Guard(seconds=seconds, limit=limit, verify=verify),
        timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        trust_env=False,
        follow_redirects=False,
    )


class Guard(httpx2.BaseTransport):
    """Sends each request over a new connection to a judged address. Raises NotAllowed, TooLarge, httpx2's errors."""

    def __init__(
        self,
        *,
        seconds: float,
        limit: int,
        rules: Rules | None = None,
        resolve: Resolver | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._seconds, self._limit, self._rules = seconds, limit, rules
        self._resolve = resolve or socket.getaddrinfo
        self._verify = verify

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check, dial, send. The stream of the answer keeps to the same limits."""
        rules = self._rules or current_rules()
        check_url(request.url.scheme, request.url.host, request.url.port, request.url.userinfo.decode(), rules)
        request.headers["Accept-Encoding"] = "identity"  # a small answer must not unfold into a large one
        line = _Line(request.url.scheme, rules, self._resolve, _Meter(self._seconds, self._limit))
        pool = httpcore2.ConnectionPool(
            ssl_context=self._verify or _tls(), network_backend=line, max_connections=1, max_keepalive_connections=0
        )
        with ExitStack() as on_failure:
            on_failure.callback(pool.close)
            with _as_httpx():
                answer = pool.handle_request(_lowered(request))
            _refuse_odd(answer)
            on_failure.pop_all()
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream, pool), extensions=answer.extensions
        )


def _refuse_odd(answer: httpcore2.Response) -> None:
    headers = {name.lower(): value for name, value in answer.headers}
    if answer.status in REDIRECTS:
        raise NotAllowed("It answers with a redirect, which is not followed. Give the final address.")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise NotAllowed("It answers compressed though it was asked not to, so the size cannot be bounded.")


class _Meter:
    """What is left of one exchange: seconds and bytes."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._end, self._left, self._limit = time.monotonic() + seconds, limit, limit

    def seconds(self, most: float | None, error: type[Exception]) -> float:
        """At most `most`; raises `error` when the time is up."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise error("The time for the whole exchange is up.")
        return left if most is None else min(left, most)

    def count(self, data: bytes) -> bytes:
        """Take off what came. Raises TooLarge."""
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge(f"The answer is larger than {self._limit:,} bytes.")
        return data


class _Line(httpcore2.NetworkBackend):
    """Looks a name up once, judges every address, dials those that were judged, in their order."""

    def __init__(self, scheme: str, rules: Rules, resolve: Resolver, meter: _Meter) -> None:
        self._scheme, self._rules, self._resolve, self._meter = scheme, rules, resolve, meter
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a stream to the first judged address that answers."""
        failure: Exception | None = None
        for address in self._judged(host, port):
            left = self._meter.seconds(timeout, httpcore2.ConnectTimeout)
            try:
                dialled = self._plain.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(dialled, self._meter)
        raise failure or httpcore2.ConnectError("The name has no address.")

    def _judged(self, host: str, port: int) -> list[str]:
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("The name could not be looked up.") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            check_address(address, scheme=self._scheme, host=host, port=port, rules=self._rules)
        return addresses

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """Never."""
        raise NotAllowed("A socket of this machine is no address.")


class _Stream(httpcore2.NetworkStream):
    """A connection on the meter."""

    def __init__(self, inner: httpcore2.NetworkStream, meter: _Meter) -> None:
        self._inner, self._meter = inner, meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what comes in the time that is left."""
        return self._meter.count(self._inner.read(max_bytes, self._meter.seconds(timeout, httpcore2.ReadTimeout)))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write in the time that is left."""
        self._inner.write(buffer, self._meter.seconds(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Shake hands under the name that was asked for, not under the address that was dialled."""
        left = self._meter.seconds(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._meter)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._inner.get_extra_info(info)


class _Body(httpx2.SyncByteStream):
    """The answer's bytes; a break in them is told apart from no answer at all."""

    def __init__(self, inner: Any, pool: httpcore2.ConnectionPool) -> None:
        self._inner, self._pool = inner, pool

    def __iter__(self) -> Iterator[bytes]:
        try:
            with _as_httpx():
                yield from self._inner
        except (httpx2.NetworkError, httpx2.ProtocolError) as error:
            raise CutOff("The answer broke off.") from error

    def close(self) -> None:
        """End the exchange."""
        self._inner.close()
        self._pool.close()


@cache
def _tls() -> ssl.SSLContext:
    """The certificates of the system; made once, since it takes a moment."""
    return httpx2.create_ssl_context(trust_env=False)


def _lowered(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        method=request.method,
        url=httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        # No other name for the certificate than the one that was asked for.
        extensions={name: value for name, value in request.extensions.items() if name != "sni_hostname"},
    )


@contextmanager
def _as_httpx() -> Iterator[None]:
    """The lower library's errors by the names that callers know: they are the same in both."""
    try:
        yield
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise getattr(httpx2, type(error).__name__, httpx2.NetworkError)(str(error)) from error
