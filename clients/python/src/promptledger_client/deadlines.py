"""One end for a whole call of the sync client, and no thread for it.

The limits of httpx2 are for each read. A server that sends a byte now and then, or one "103 Early Hints" after the
other, is never too late by them, and a caller would wait for as long as it likes. So each read and write of a
connection gets what is left of its call at most.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

import httpx2


class Call(threading.local):
    """The call that this thread is in."""

    ends = inf  # of the monotonic clock


CALL = Call()


@contextmanager
def ending(ends: float) -> Iterator[None]:
    """All that this thread reads and writes in here is over at a moment of the monotonic clock."""
    CALL.ends = ends
    try:
        yield
    finally:
        CALL.ends = inf


def left(timeout: float | None) -> float | None:
    """The shorter of a limit and what is left of this thread's call. Raises ReadTimeout when nothing is."""
    if CALL.ends == inf:
        return timeout
    rest = CALL.ends - monotonic()
    if rest <= 0:
        raise httpx2.ReadTimeout("The call took too long.")
    return rest if timeout is None else min(timeout, rest)


class Stream:
    """A connection whose reads and writes end with the call."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.close, self.get_extra_info = stream.close, stream.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """As of the stream inside."""
        found: bytes = self._stream.read(max_bytes, left(timeout))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """As of the stream inside."""
        self._stream.write(buffer, left(timeout))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> "Stream":
        """As of the stream inside."""
        return Stream(self._stream.start_tls(ssl_context, server_hostname, left(timeout)))


class Network:
    """What opens connections, each of them a `Stream`."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self.sleep = network.sleep

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **more: Any) -> Stream:
        """As of the network inside."""
        return Stream(self._network.connect_tcp(host, port, timeout=left(timeout), **more))

    def connect_unix_socket(self, path: str, timeout: float | None = None, **more: Any) -> Stream:
        """As of the network inside."""
        return Stream(self._network.connect_unix_socket(path, timeout=left(timeout), **more))


def bound(client: httpx2.Client) -> httpx2.Client:
    """Let the connections of a client, those through a proxy too, end with the call. Returns it.

    httpx2 has no setting for this. Where a later release of it keeps its network elsewhere, its own limits are what is
    left; tests/client/test_fault_matrix.py would say so.
    """
    for transport in (client._transport, *client._mounts.values()):
        connections = getattr(transport, "_pool", None)
        network = getattr(connections, "_network_backend", None)
        if connections is not None and network is not None:
            connections._network_backend = Network(network)
    return client
