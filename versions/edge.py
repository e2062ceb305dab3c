"""The warm path before Django: an answer that was given before is given again, byte for byte, while it is right.

`Edge` stands around the WSGI application. A GET of what is served that Django answered before, to a caller that Django
let in before, is answered from memory, as long as the generation (versions/generation.py) is the one under which Django
found both. Everything else goes to Django, which alone knows the rules; the view says what may be kept (`keep`).
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from common import correlation
from versions.generation import Generation
from versions.serving import is_known

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Reply = tuple[str, Headers, list[bytes]]

OFFER = "promptledger.offer"
FOREVER = float("inf")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PATHS, ENDS = ("/v1/agents/", "/v1/prompts/"), ("/prompt", "/active")
# With one of these Django decides: a browser's session, another site's page, a body.
NOT_PLAIN = ("HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH")
# In local mode these, too: who was forwarded does not sit at this machine (accounts/local.py, PASSED_ON).
NOT_LOCAL = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP")
CALLERS = 10_000
OVERHEAD = 1_500  # bytes of an answer's headers and of its place in memory, about


class Offer:
    """What the view says of an answer: its tag, and until when (seconds since 1970) the caller may have it unasked."""

    __slots__ = ("good_until", "tag")

    def __init__(self) -> None:
        self.tag = ""
        self.good_until = 0.0


def keep(request: Any, tag: str) -> None:
    """Say, of a request that was let in and found what is live, that its answer may be given again."""
    offer = request.META.get(OFFER)
    if offer is not None:
        offer.tag = tag
        offer.good_until = request.auth.good_until().timestamp() if request.auth else FOREVER


class Answers:
    """Answers by what was asked, the least recently used given up when they take more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self.rows: OrderedDict[tuple[Any, ...], tuple[int, str, Reply | None, Reply | None]] = OrderedDict()
        self.lock = threading.Lock()
        self.get, self.touch = self.rows.get, self.rows.move_to_end

    def put(self, asked: tuple[Any, ...], number: int, tag: str, reply: Reply) -> None:
        """Keep an answer that was made under a generation, beside the other one (200, 304) with the same tag."""
        with self.lock:
            known = self.rows.pop(asked, None)
            full = unchanged = None
            if known:
                self.size -= _size(known[2])
                if known[0] == number and known[1] == tag:
                    _, _, full, unchanged = known
            full, unchanged = (full, reply) if reply[0].startswith("304") else (reply, unchanged)
            self.rows[asked] = number, tag, full, unchanged
            self.size += _size(full)
            while self.size > self.limit:
                _, given_up = self.rows.popitem(last=False)
                self.size -= _size(given_up[2])


def _size(reply: Reply | None) -> int:
    return OVERHEAD + (len(reply[2][0]) if reply else 0)


class Edge:
    """The application with its warm path. `limit` bounds the memory of one process in bytes; 0 turns the path off."""

    def __init__(self, application: Callable[..., Any], generation: Generation, *, local: bool, limit: int) -> None:
        self.application, self.generation, self.local = application, generation, local
        self.answers = Answers(limit)
        self.callers: dict[bytes, tuple[int, float]] = {}
        self.handed_on = NOT_PLAIN + (NOT_LOCAL if local else ())

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        method = environ["REQUEST_METHOD"]
        if method in SAFE:
            path = environ["PATH_INFO"]
            if path.startswith(PATHS) and path.endswith(ENDS) and environ.keys().isdisjoint(self.handed_on):
                return self._serve(environ, start_response, method, path)
            return self.application(environ, start_response)
        before = self.generation.current()
        answer = self.application(environ, start_response)
        self.generation.settle(before)
        return answer

    def _serve(self, environ: Environ, start_response: Any, method: str, path: str) -> Iterable[bytes]:
        number = self.generation.current()
        if number is None:
            return self.application(environ, start_response)
        get = environ.get
        bearer, key = get("HTTP_AUTHORIZATION"), get("HTTP_X_API_KEY")
        asked = (
            path, get("QUERY_STRING"), method, get("HTTP_HOST"), environ["wsgi.url_scheme"],
            get("HTTP_X_FORWARDED_PROTO"), bearer is None, key is None, get("REMOTE_ADDR") if self.local else "",
        )  # fmt: skip
        who = hashlib.sha256(f"{bearer}\0{key}".encode("utf-8", "surrogatepass")).digest()
        found, caller = self.answers.get(asked), self.callers.get(who)
        if found and caller and found[0] == caller[0] == number and time.time() < caller[1]:
            reply = found[2]
            if (sent := get("HTTP_IF_NONE_MATCH")) is not None and is_known(found[1], sent):
                reply = found[3]
            if reply:
                try:
                    self.answers.touch(asked)
                except KeyError:
                    pass  # given up in this very moment
                known = environ[correlation.KEY] = correlation.taken(get("HTTP_X_REQUEST_ID"))
                start_response(reply[0], [*reply[1], (correlation.HEADER, known)])
                return reply[2]
        return self._fill(environ, start_response, number, asked, who)

    def _fill(self, environ: Environ, start_response: Any, number: int, asked: Any, who: bytes) -> Iterable[bytes]:
        """Let Django answer, and keep the answer under the generation that was there before it began to look."""
        said: list[Any] = []

        def note(status: str, headers: Headers, *more: Any) -> Any:
            said[:] = status, headers
            return start_response(status, headers, *more)

        offer = environ[OFFER] = Offer()
        answer: Any = self.application(environ, note)
        if offer.tag and not connection.in_atomic_block:
            status, headers = said
            named = {name.lower(): value for name, value in headers}
            if status[:3] in ("200", "304") and named.get("etag") == offer.tag and "set-cookie" not in named:
                if len(self.callers) >= CALLERS:
                    self.callers.clear()
                self.callers[who] = number, offer.good_until
                # The id is that of this one request.
                kept = [one for one in headers if one[0] != correlation.HEADER]
                self.answers.put(asked, number, offer.tag, (status, kept, [answer.content]))
        return answer
