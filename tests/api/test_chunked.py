"""Bodies that come in chunks, without a length, as many HTTP clients send them."""

from io import BytesIO
from typing import Any

import pytest

from common.parsing import BODY_LIMIT
from promptledger import wsgi

pytestmark = pytest.mark.django_db  # on PostgreSQL the entry point looks at the number of what is served


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What Django would read of a request that reaches the entry point."""

    def django(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))]

    monkeypatch.setattr(wsgi.with_body, "application", django)
    return lambda **environ: b"".join(wsgi.application(environ, lambda status, headers: None))


def request(body: bytes, **more: Any) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", "wsgi.input": BytesIO(body), "wsgi.input_terminated": True, **more}


def test_a_body_in_chunks_is_read_to_its_end(seen: Any):
    assert seen(**request(b'{"name": "x"}', HTTP_TRANSFER_ENCODING="chunked")) == b'{"name": "x"}'


def test_a_body_with_a_length_is_left_to_django(seen: Any):
    assert seen(**request(b"abcdef", CONTENT_LENGTH="3")) == b"abc"


def test_no_body_is_none(seen: Any):
    assert seen(**request(b"")) == b""


def test_a_body_without_an_end_is_not_waited_for(seen: Any):
    assert seen(**request(b"abc", HTTP_TRANSFER_ENCODING="chunked") | {"wsgi.input_terminated": False}) == b""


def test_a_body_that_is_too_large_is_read_one_byte_too_far(seen: Any):
    body = b"x" * (BODY_LIMIT + 100)
    assert len(seen(**request(body, HTTP_TRANSFER_ENCODING="chunked"))) == BODY_LIMIT + 1
