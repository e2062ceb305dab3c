"""Closed by default: every page, every method, for everybody who may not (SPEC 10; ASVS 8)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.actors import person
from accounts.models import ApiKey
from accounts.permissions import ASKED
from common.middleware import NoStore, RefuseOddPaths
from tests.conftest import make_user
from tests.factories import make_prompt

pytestmark = pytest.mark.django_db

# Guards itself, as /v1 does (tests/api/test_permissions.py): tests/telemetry/test_metrics.py.
ITSELF = {"metrics"}
# The only addresses that answer strangers.
OPEN = {"health", "health/ready", "favicon.ico", "login/", "account/2fa/authenticate/"}
FOR_ALL = ("account/", "logout/", "local/", "admin/")


def routes(patterns: Any = None, prefix: str = "") -> Iterator[str]:
    """Every route of the pages, its arguments filled with something."""
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        elif not route.startswith("v1/"):
            yield from routes(pattern.url_patterns, route)


def filled(route: str) -> str:
    """The route as an address."""
    route = route.replace("\\Z", "").replace("$", "").replace("(?P<url>.*)", "x").replace("^", "")
    parts = ["1" if "<" in part else part for part in route.split("/")]
    return "/" + "/".join(parts)


PAGES = sorted(set(routes()))


def test_there_are_pages_to_walk():
    assert len(PAGES) > 30
    assert set(PAGES) >= OPEN


@pytest.mark.parametrize("route", [route for route in PAGES if route not in OPEN | ITSELF])
def test_strangers_are_sent_to_sign_in(route: str, everything: Callable[[], Any], sessions: Any):
    before = everything()
    for method in ("get", "head", "post", "put", "patch", "delete", "options"):
        answer = getattr(Client(), method)(filled(route))
        assert answer.status_code == 302, method
        assert answer["Location"].startswith("/login/?next=%2F"), method
    assert everything() == before
    assert sessions() == 0


@pytest.mark.parametrize(
    "route", [route for route in PAGES if route not in OPEN | ITSELF and not route.startswith(FOR_ALL)]
)
def test_somebody_in_no_group_sees_nothing(route: str, outsider: Any, everything: Callable[[], Any]):
    client = Client()
    client.force_login(outsider.user)
    before = everything()
    for method in ("get", "post"):
        answer = getattr(client, method)(filled(route))
        assert answer.status_code == 403, method
        assert "Ask an admin for a role" in answer.content.decode()
    assert everything() == before


@pytest.mark.parametrize("path", ["/account/", "/logout/", "/account/2fa/", "/account/password/change/"])
def test_somebody_in_no_group_may_mind_their_own_account(path: str, outsider: Any):
    client = Client()
    client.force_login(outsider.user)
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("name", ["viewer", "engineer", "manager", "outsider"])
def test_the_admin_is_for_staff(name: str, everything: Callable[[], Any]):
    client = Client()
    client.force_login(make_user(name))
    before = everything()
    for path in ("/admin/", "/admin/auth/user/", "/admin/accounts/apikey/", "/admin/login/"):
        assert client.get(path).status_code in (302, 403)
        assert client.post(path).status_code in (302, 403)
    assert client.get("/admin/", follow=True).status_code == 403
    assert everything() == before


def test_the_admin_has_no_door_of_its_own(client: Client):
    assert client.get("/admin/login/")["Location"] == "/login/?next=%2Fadmin%2Flogin%2F"


@pytest.mark.parametrize("route", PAGES)
def test_every_page_comes_with_its_policies_and_reading_it_changes_nothing(
    route: str, admin: Any, everything: Callable[[], Any]
):
    make_prompt(name="1")
    client = Client()
    client.force_login(admin.user)
    before = everything()
    answer = client.get(filled(route))
    assert answer.status_code < 500
    assert answer["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "no-store" in answer["Cache-Control"]
    assert (answer["X-Content-Type-Options"], answer["Referrer-Policy"]) == ("nosniff", "same-origin")
    assert {"X-Frame-Options", "Content-Type"} <= set(answer.headers) or answer.status_code in (301, 302, 403)
    assert everything() == before


@pytest.mark.parametrize(
    ("at", "back"),
    [
        ("http://testserver/prompts/a/?x=1", "/login/?next=%2Fprompts%2Fa%2F%3Fx%3D1"),
        ("https://evil.example/prompts/", "/login/?next=%2F"),
        ("http://[", "/login/?next=%2F"),
        ("", "/login/?next=%2F"),
    ],
)
def test_htmx_is_told_to_go_to_the_sign_in_page_and_back_to_its_page(at: str, back: str):
    client = Client(raise_request_exception=False)
    answer = client.post("/prompts/a/versions/v1.0/promote/", headers={"HX-Request": "true", "HX-Current-URL": at})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, back)


@pytest.mark.parametrize(
    "path", ["/", "/login/", "/account/", "/health", "/v1/version", "/v1/agents", "/nothing/", "/local/role/"]
)
@pytest.mark.parametrize("who", ["engineer", "outsider", None])
def test_no_answer_is_stored_by_a_cache(path: str, who: str | None):
    client = Client()
    if who:
        client.force_login(make_user(who))
    assert {"private", "no-store"} <= set(client.get(path)["Cache-Control"].split(", "))


def test_what_a_view_says_about_caches_stays(page: Client):
    from tests.factories import make_version

    version = make_version("PRD")
    assert page.get(f"/v1/prompts/{version.prompt.name}/active")["Cache-Control"] == "private, no-cache"
    answer = NoStore(lambda request: HttpResponse(headers={"Cache-Control": "public, max-age=60"}))
    assert answer(RequestFactory().get("/"))["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize(
    "path",
    [
        "/prompts/%00/", "/prompts/a%00b/versions/v1.0/", "/prompts/?search=%00", "/prompts/?%00=1", "/keys/%00/revoke/",
        "/prompts/%EF%BF%BD/", "/prompts/" + "a" * 9_000 + "/", "/prompts/?search=" + "a" * 9_000, "/login/?next=%00",
        "/?" + "&".join(f"a{n}=" for n in range(2_500)),
    ],
    ids=lambda path: path[:24],
)  # fmt: skip
@pytest.mark.parametrize("below", ["", "/v1"])
def test_odd_addresses_are_bad_requests_in_words(path: str, below: str, page: Client):
    page.raise_request_exception = False
    for client in (page, Client(raise_request_exception=False)):
        answer = client.get(below + path)
        assert answer.status_code == 400
        if below:
            assert answer.json()["code"] == "bad_request"


def test_an_odd_address_reaches_no_view():
    refused = RefuseOddPaths(lambda request: pytest.fail("asked"))
    assert refused(RequestFactory().get("/", {"search": "\x00"})).status_code == 400


class Undeclared(APIView):
    """A view whose author forgot to say what writing takes."""

    def get(self, request: Any) -> Response:
        return Response({"who": person(request).name})

    def post(self, request: Any) -> Response:
        pytest.fail("reached")

    put = patch = delete = post


class Declared(Undeclared):
    """A view that says it."""

    needs = {"POST": "versions.add_prompt", "DELETE": ASKED}

    def post(self, request: Any) -> Response:
        return Response(status=201)

    def delete(self, request: Any) -> Response:
        return Response(status=204)


def ask(view: type[APIView], method: str, user: Any, key: Any = None) -> int:
    request = getattr(APIRequestFactory(), method)("/x")
    if user is not None:
        force_authenticate(request, user, key)
    return view.as_view()(request).status_code


@pytest.mark.parametrize("name", ["viewer", "engineer", "manager", "admin", "outsider"])
def test_a_method_that_is_not_declared_is_refused_to_everybody(name: str):
    user = make_user(name, is_superuser=name == "admin")
    for method in ("post", "put", "patch", "delete"):
        assert ask(Undeclared, method, user) == 403
    for method in ("put", "patch"):
        assert ask(Declared, method, user) == 403


@pytest.mark.parametrize(
    ("name", "get", "post", "delete"),
    [("viewer", 200, 403, 204), ("engineer", 200, 201, 204), ("outsider", 403, 403, 204), (None, 401, 401, 401)],
)
def test_what_is_declared_is_asked(name: str | None, get: int, post: int, delete: int):
    user = make_user(name) if name else None
    assert (ask(Declared, "get", user), ask(Declared, "post", user), ask(Declared, "delete", user)) == (
        get,
        post,
        delete,
    )


def test_keys_are_narrowed_by_their_scopes(engineer: Any):
    for scopes, get, post in ((["read"], 200, 403), (["write"], 403, 201), (["read", "write"], 200, 201)):
        key, _ = ApiKey.issue(user=engineer.user, by=engineer, name="k", scopes=scopes)
        assert (ask(Declared, "get", engineer.user, key), ask(Declared, "post", engineer.user, key)) == (get, post)


def test_a_method_that_nobody_wrote_is_405_not_403(viewer: Any):
    class ReadOnly(APIView):
        def get(self, request: Any) -> Response:
            return Response()

    assert ask(ReadOnly, "post", viewer.user) == 405


def test_one_request_knows_the_key_and_the_session_of_one_user_apart(engineer: Any):
    key, _ = ApiKey.issue(user=engineer.user, by=engineer, name="k", scopes=["read"])

    class Asked(HttpRequest):
        user, auth = engineer.user, None

    request = Asked()
    assert person(request).scopes is None
    assert person(request) is person(request)
    Asked.auth = key
    assert person(request).scopes == {"read"}


@pytest.mark.parametrize("name", ["viewer", "engineer"])
def test_pages_that_write_ask_too(name: str, everything: Callable[[], Any]):
    client = Client()
    client.force_login(make_user(name))
    make_prompt(name="greet")
    before = everything()
    for path, data in (
        ("/new-prompt/", {"name": "new", "template_source": "x"}),
        ("/prompts/greet/delete/", {}),
    ):
        client.post(path, data)
    assert (everything() == before) is (name == "viewer")
