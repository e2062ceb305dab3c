"""What the tests of the warm path share: the application as the web server calls it, and Django alone beside it."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings as ours

from accounts.models import ApiKey
from ledger.actors import system
from versions.edge import Edge
from versions.generation import Generation

Answer = tuple[str, list[tuple[str, str]], bytes]


def environ(path: str, *, method: str = "GET", query: str = "", **headers: str) -> dict[str, Any]:
    """What granian hands over for a request. `path` is decoded; headers by their names in it, HTTP_ left out."""
    return {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path.encode().decode("latin-1"), "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.input_terminated": True, "wsgi.version": (1, 0),
        "REMOTE_ADDR": headers.pop("REMOTE_ADDR", "127.0.0.1"),
        **{f"HTTP_{name}": value for name, value in {"HOST": "localhost", "X_REQUEST_ID": "the-same", **headers}.items()},
    }  # fmt: skip


def call(application: Any, asked: dict[str, Any]) -> Answer:
    """Ask an application as a server does. Returns status, headers, body."""
    said: list[Any] = []
    answer = application(asked, lambda status, headers, *more: said.extend((status, list(headers))))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return said[0], said[1], body


class Counted:
    """Django, and how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, asked: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        from promptledger.wsgi import with_body

        self.times += 1
        return with_body(asked, start_response)


class Both:
    """The warm path, and the plain one behind it, on the same requests."""

    def __init__(self, *, local: bool = False, limit: int = 1_000_000) -> None:
        self.django = Counted()
        self.edge = Edge(self.django, Generation(), local=local, limit=limit)

    def ask(self, path: str, **request: str) -> Answer:
        """By the warm path."""
        return call(self.edge, environ(path, **request))

    def plainly(self, path: str, **request: str) -> Answer:
        """By Django alone."""
        return call(Counted(), environ(path, **request))

    def is_warm(self, path: str, **request: str) -> bool:
        """Whether Django is not asked."""
        before = self.django.times
        self.ask(path, **request)
        return self.django.times == before


@pytest.fixture
def both(transactional_db: None) -> Iterator[Both]:
    """The two paths over an empty database."""
    made = Both()
    yield made
    made.edge.generation.close()


@pytest.fixture
def key(both: Both, viewer: Any) -> str:
    """A key of the viewer with the scope to read."""
    return new_key(viewer.user)


def new_key(user: Any, *scopes: str, **fields: Any) -> str:
    """A key with these scopes (read)."""
    return ApiKey.issue(user=user, by=system("tests"), name="t", scopes=list(scopes) or ["read"], **fields)[1]


assert ours.SERVING_CACHE_BYTES  # the path is on as people run it
