"""Bodies come in before Django is asked, and some threads never wait for one.

The web server hands a request over with its headers, and a read of the body waits for the client for as long as that
takes: nothing in the server bounds it. Whoever sends half a body would hold a thread, and a few of them all threads.
"""

import os
import socket
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any

from common.strict_json import BODY_LIMIT

PATIENCE = 1.0  # seconds after which a body that has not come in is a slow one
BUSY = b'{"detail": "Other uploads take long. Try again.", "code": "busy"}'
HEADERS = [
    ("Content-Type", "application/json"), ("Content-Length", str(len(BUSY))), ("Retry-After", "1"),
    ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Connection", "close"),
]  # fmt: skip

# Whether a silent client is still there: asked after so many seconds, again after so many, so many times.
ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Uploads:
    """The application, with each body read whole before it. At most `at_once` threads of a process wait for bodies."""

    def __init__(self, application: Callable[..., Any], *, at_once: int) -> None:
        self.application, self.at_once = application, at_once
        self.began: dict[int, float] = {}
        self.changed = threading.Condition()
        self.looks_after_clients = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request; 503 where too many slow bodies are coming in. Of another web server: as it is."""
        if not environ.get("wsgi.input_terminated"):
            return self.application(environ, start_response)
        body = b""
        if size := coming(environ):
            if not self.looks_after_clients:  # now this process listens
                self.looks_after_clients = True
                ask_whether_clients_are_there()
            with self._place() as found:
                if not found:
                    start_response("503 Service Unavailable", HEADERS)
                    return [BUSY]
                body = environ["wsgi.input"].read(size)
        environ["wsgi.input"] = BytesIO(body)
        # Of a body in chunks nobody said the length; Django takes it for an empty one.
        environ.setdefault("CONTENT_LENGTH", str(len(body)))
        return self.application(environ, start_response)

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """A place among those who wait for a body; False when all are taken by slow ones."""
        me = threading.get_ident()
        with self.changed:
            while len(self.began) >= self.at_once:
                left = max(self.began.values()) + PATIENCE - monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
            else:
                self.began[me] = monotonic()
        try:
            yield me in self.began
        finally:
            with self.changed:
                self.began.pop(me, None)
                self.changed.notify()


def coming(environ: dict[str, Any]) -> int:
    """How many bytes of a body to read: one more than anybody may send, so that what is too large is seen to be."""
    said = environ.get("CONTENT_LENGTH")
    if said is None:
        return BODY_LIMIT + 1 if "HTTP_TRANSFER_ENCODING" in environ else 0
    return min(int(said), BODY_LIMIT + 1) if said.isascii() and said.isdigit() else 0


def ask_whether_clients_are_there() -> None:
    """Let the system close a connection whose client went without a word: a read of its body would never end.

    What the socket that listens is set to, each later connection is (Linux).
    """
    folder = Path("/proc/self/fd")
    for number in [int(entry.name) for entry in folder.iterdir()] if folder.is_dir() else ():
        with suppress(OSError):  # it was closed meanwhile, or knows nothing of TCP
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as found:
                    for option, value in ALIVE.items():
                        found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
