"""The warm path answers what Django answers, byte for byte, headers included, in every case there is."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.factories import make_agent, make_tracking_prompt, make_version
from tests.serving.conftest import Both, new_key

CHAT = '[{"role":"system","content":"Be kind to {{ name }}"},{"type":"placeholder","name":"history"}]'
STAN = "/v1/agents/Stan/prompt"


@pytest.fixture
def world(both: Both) -> str:
    """Agents and prompts of every kind; returns the ETag of Stan's prompt."""
    stan = make_agent(name="Stan", primary_status_key="HELLO")
    make_version("PRD", name="Stan.HELLO", agent=stan, status_key="HELLO", template_source="Grüß dich, {{ name }} 🦊")
    make_version("PRD", name="Stan.default", agent=stan, config={"model": "m", "n": 1e22})
    make_version("DEV", name="Stan.NEW", agent=stan, status_key="NEW")
    make_version("PRD", name="a chat", type="chat", template_source=CHAT)
    make_version("PRD", name="smart ü", template_format="jinja2", template_source="{% if a %}{{ a }}{% endif %}")
    make_version("RET", name="twice")
    make_version("DEV", name="draft")
    make_tracking_prompt(name="tracked", agent=stan, status_key="TRACKED")
    make_agent(name="Idle")
    return "world"


# path, query: the ones that are warm the second time, and those that never are
WARM = [
    (STAN, ""), (STAN, "status_key=HELLO"), (STAN, "status_key=HELLO&strict=1"), (STAN, "status_key=X"),
    (STAN, "status_key=default"), (STAN, "status_key=TRACKED"), (STAN, "status_key="), (STAN, "strict=0"),
    (STAN, "status_key=X&status_key=HELLO"), (STAN, "status_key=%48ELLO"), (STAN, "&&status_key=HELLO&"), (STAN, "status_key=%ff"),
    ("/v1/prompts/Stan.HELLO/active", ""), ("/v1/prompts/a chat/active", ""), ("/v1/prompts/smart ü/active", ""),
    ("/v1/prompts/twice/active", ""), ("/v1/prompts/tracked/active", ""),
]  # fmt: skip
COLD = [
    (STAN, "status_key=X&strict=1"), (STAN, "strict=maybe"), (STAN, "stage=DEV"), (STAN, "other=1"),
    (STAN, "status_key=%00"), (STAN, "status_key=" + "x" * 9_000),
    ("/v1/agents/Idle/prompt", ""), ("/v1/agents/Nobody/prompt", ""), ("/v1/agents//prompt", ""),
    ("/v1/agents/a/b/prompt", ""), ("/v1/prompts/draft/active", ""), ("/v1/prompts/none/active", ""),
    ("/v1/prompts/Stan.HELLO/active", "stage=PRD"), ("/v1/prompts/draft/active", "stage=DEV"),
    ("/v1/prompts/twice/active", "version=1"), ("/v1/prompts/twice/active", "version=2"),
    ("/v1/prompts/Stan.HELLO/active", "stage=LIVE"), ("/v1/prompts/prompt", ""), ("/v1/agents/active", ""),
    ("/v1/prompts/\x00/active", ""), ("/v1/prompts/Stan.HELLO/active/", ""),
]  # fmt: skip


def same(both: Both, path: str, **request: str) -> None:
    """Three times in a row what Django says; with the ETag in If-None-Match, too."""
    plain = both.plainly(path, **request)
    for _ in range(3):
        assert both.ask(path, **request) == plain
    tag = dict(plain[1]).get("ETag")
    if not tag:
        return
    for known in (tag, f"W/{tag}", f'"x", {tag} , "y"', " *", '"x"', "", "*, *", f"{tag}x", "W/*"):
        again = both.plainly(path, IF_NONE_MATCH=known, **request)
        for _ in range(2):
            assert both.ask(path, IF_NONE_MATCH=known, **request) == again, known
        unchanged = known in (tag, f"W/{tag}", f'"x", {tag} , "y"', " *")
        assert again[0].startswith("304" if unchanged else "200"), known
    assert both.ask(path, **request) == plain


@pytest.mark.parametrize("asked", [WARM, COLD], ids=["warm", "cold"])
def test_every_path_and_query_by_a_key(asked: list[tuple[str, str]], both: Both, key: str, world: str):
    for path, query in asked:
        same(both, path, query=query, AUTHORIZATION=f"Bearer {key}")
        same(both, path, query=query, X_API_KEY=key)
        same(both, path, query=query, X_API_KEY=key, AUTHORIZATION=f"bearer  {key} ")
        same(both, path, query=query, method="HEAD", X_API_KEY=key)
        same(both, path, query=query)  # nobody
        assert both.is_warm(path, query=query, X_API_KEY=key) == (asked is WARM), (path, query)


def test_other_methods_are_djangos(both: Both, key: str, world: str):
    for method in ("OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"):
        both.ask(STAN, X_API_KEY=key)
        same(both, STAN, method=method, X_API_KEY=key)
        assert not both.is_warm(STAN, method=method, X_API_KEY=key), method


OTHER_HEADERS = {
    "a cookie": {"COOKIE": "theme=dark"}, "an origin": {"ORIGIN": "http://evil.example"},
    "a browser": {"SEC_FETCH_SITE": "cross-site"}, "forwarded": {"X_FORWARDED_FOR": "192.0.2.1"},
    "another host": {"HOST": "127.0.0.1:8000"}, "a strange host": {"HOST": "evil.example"},
    "no real host": {"HOST": "a b"}, "https": {"X_FORWARDED_PROTO": "https"}, "accept": {"ACCEPT": "text/html"},
    "a language": {"ACCEPT_LANGUAGE": "de"}, "htmx": {"HX_REQUEST": "true"}, "a range": {"RANGE": "bytes=0-3"},
    "since": {"IF_MODIFIED_SINCE": "Sat, 21 Nov 2099 00:00:00 GMT"}, "if-match": {"IF_MATCH": '"x"'},
    "an encoding": {"ACCEPT_ENCODING": "gzip, br"}, "an override": {"X_HTTP_METHOD_OVERRIDE": "DELETE"},
}  # fmt: skip


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_other_headers(behind_proxy: bool, both: Both, key: str, world: str, settings: Any):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if behind_proxy else None
    for headers in OTHER_HEADERS.values():
        same(both, STAN, X_API_KEY=key)
        same(both, STAN, X_API_KEY=key, **headers)
        same(both, STAN, X_API_KEY=key)


BAD_KEYS = ["", " ", "nonsense", "pl_live_", "pl_live_" + "a" * 55, "caf\xe9", "\ud800", "a" * 100_000, "a,b"]


def test_keys_that_are_none(both: Both, key: str, world: str):
    same(both, STAN, X_API_KEY=key)
    for bad in BAD_KEYS:
        for headers in (
            {"X_API_KEY": bad}, {"AUTHORIZATION": bad}, {"AUTHORIZATION": f"Bearer {bad}"},
            {"AUTHORIZATION": f"Basic {key}"}, {"X_API_KEY": key, "AUTHORIZATION": f"Bearer {bad}"},
            {"X_API_KEY": bad, "AUTHORIZATION": f"Bearer {key}"},
        ):  # fmt: skip
            same(both, STAN, **headers)
            assert both.ask(STAN, **headers)[0].startswith("401"), headers


def test_keys_that_may_not_read(both: Both, world: str, viewer: Any, engineer: Any, outsider: Any):
    same(both, STAN, X_API_KEY=new_key(viewer.user))
    for bad in (new_key(engineer.user, "write"), new_key(outsider.user)):
        same(both, STAN, X_API_KEY=bad)
        assert both.ask(STAN, X_API_KEY=bad)[0].startswith("403")


def test_the_security_headers_are_there(both: Both, key: str, world: str):
    both.ask(STAN, X_API_KEY=key)
    assert both.is_warm(STAN, X_API_KEY=key)
    headers = dict(both.ask(STAN, X_API_KEY=key)[1])
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-cache"
    assert int(headers["Content-Length"]) == len(both.ask(STAN, X_API_KEY=key)[2])


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.0.2.7", "127.0.0.2", ""])
def test_local_mode(peer: str, both: Both, world: str, settings: Any, viewer: Any):
    settings.LOCAL_MODE = True
    here = Both(local=True)
    bad, good = new_key(viewer.user, "run"), new_key(viewer.user)
    for headers in ({}, *OTHER_HEADERS.values()):
        for sent in ({}, {"X_API_KEY": bad}, {"X_API_KEY": good}):
            same(here, STAN, REMOTE_ADDR="127.0.0.1", **sent)
            same(here, STAN, REMOTE_ADDR=peer, **sent, **headers)
    same(here, STAN, REMOTE_ADDR="127.0.0.1")
    assert here.is_warm(STAN) and here.is_warm(STAN, X_API_KEY=good)
    assert not here.is_warm(STAN, REMOTE_ADDR="192.0.2.7")
    here.edge.generation.close()


def test_a_session_is_djangos(both: Both, world: str, page: Any):
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in page.cookies.items())
    same(both, STAN, COOKIE=cookie)
    assert both.ask(STAN, COOKIE=cookie)[0].startswith("200")
    assert not both.is_warm(STAN, COOKIE=cookie)


def test_names_that_are_percent_encoded_twice_are_others(both: Both, key: str, world: str):
    make_version("PRD", name="a%20chat", template_source="The other")
    for path in ("/v1/prompts/a chat/active", "/v1/prompts/a%20chat/active"):
        same(both, path, X_API_KEY=key)
    assert b"The other" in both.ask("/v1/prompts/a%20chat/active", X_API_KEY=key)[2]
    assert quote("a chat") == "a%20chat"
