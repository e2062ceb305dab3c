"""Local mode: everything open for one person on one machine, and for nobody else (SPEC 10)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client

from accounts.local import LOCAL_ROLES, ensure_loopback, is_loopback, local_user
from accounts.models import ApiKey
from agents.models import Agent
from ledger.models import LedgerEvent

HERE = ["127.0.0.1", "::1", "[::1]", "localhost", "LocalHost", "127.0.0.2", "127.255.255.254", "::ffff:127.0.0.1"]
ELSEWHERE = ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "8.8.8.8", "::ffff:192.168.1.5", "fe80::1", "example.com",
             "localhost.example.com", "127.0.0.1.example.com", "", " ", "*", "128.0.0.1", "2130706433", "0x7f000001",
             "0177.0.0.1", "127.1", "fec0::1", "64:ff9b::7f00:1", "127.0.0.1\n"]  # fmt: skip
STRANGERS = ["192.168.1.5", "8.8.8.8", "::ffff:10.0.0.1", "fe80::1", "", "unknown"]

usable = pytest.mark.usefixtures("local_mode")


def post(path: str, data: Any, client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).post(path, data, content_type="application/json", headers=headers)


def made() -> tuple[int, int, int]:
    return Agent.objects.count(), LedgerEvent.objects.count(), User.objects.count()


@pytest.mark.parametrize("host", HERE)
def test_it_listens_on_this_machine(host: str):
    ensure_loopback(host)


@pytest.mark.parametrize("host", ELSEWHERE, ids=repr)
def test_it_refuses_to_listen_elsewhere(host: str):
    assert not is_loopback(host)
    with pytest.raises(ImproperlyConfigured, match="only listens on this machine"):
        ensure_loopback(host)


@usable
@pytest.mark.django_db
class TestPages:
    def test_the_first_page_signs_the_engineer_in(self, client: Client):
        answer = client.get("/")
        assert answer.status_code == 200
        assert answer.wsgi_request.user.username == "engineer"
        assert "you are signed in as <b>engineer</b>" in answer.content.decode()

    def test_it_signs_in_once(self, client: Client, sessions: Any):
        for _ in range(3):
            client.get("/")
        assert sessions() == 1

    def test_the_sign_in_page_leads_home(self, client: Client):
        answer = client.get("/login/")
        assert (answer.status_code, answer["Location"]) == (302, "/")

    @pytest.mark.parametrize("role", LOCAL_ROLES)
    def test_the_role_can_be_switched(self, client: Client, role: str):
        client.get("/")
        answer = client.post("/local/role/", {"role": role, "next": "/keys/"})
        assert (answer.status_code, answer["Location"]) == (302, "/keys/")
        user = client.get("/account/").wsgi_request.user
        assert user.username == role
        assert not user.has_usable_password()
        assert (user.is_staff, user.is_superuser) == (role == "admin", role == "admin")
        assert [group.name for group in user.groups.all()] == ([] if role == "admin" else [LOCAL_ROLES[role][0]])

    def test_the_session_rotates_with_the_role(self, client: Client, settings: Any):
        client.get("/")
        before = client.cookies[settings.SESSION_COOKIE_NAME].value
        client.post("/local/role/", {"role": "viewer"})
        assert client.cookies[settings.SESSION_COOKIE_NAME].value != before

    def test_the_page_offers_the_roles(self, client: Client):
        page = client.get("/").content.decode()
        assert [name for name in LOCAL_ROLES if f'name="role" value="{name}"' in page] == list(LOCAL_ROLES)
        assert "Sign out" not in page

    @pytest.mark.parametrize("role", ["", "root", "Viewer", "viewer\x00", "../admin"])
    def test_another_role_is_not_there(self, client: Client, role: str):
        client.get("/")
        assert client.post("/local/role/", {"role": role}).status_code == 404
        assert client.get("/").wsgi_request.user.username == "engineer"
        assert User.objects.count() == 1

    def test_switching_takes_a_csrf_token(self):
        client = Client(enforce_csrf_checks=True)
        client.get("/")
        assert client.post("/local/role/", {"role": "admin"}).status_code == 403
        assert client.get("/").wsgi_request.user.username == "engineer"
        assert client.get("/local/role/").status_code == 405

    @pytest.mark.parametrize("address", STRANGERS)
    @pytest.mark.parametrize("path", ["/", "/login/", "/v1/agents", "/v1/version", "/health", "/admin/", "/keys/"])
    def test_peers_from_elsewhere_get_nothing(self, address: str, path: str, sessions: Any):
        answer = Client(REMOTE_ADDR=address).get(path)
        assert answer.status_code == 403
        assert (User.objects.count(), sessions()) == (0, 0)

    @pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host"])
    def test_what_a_proxy_passes_on_comes_from_elsewhere(self, name: str, sessions: Any):
        for path in ("/", "/v1/agents"):
            assert Client().get(path, headers={name: "127.0.0.1"}).status_code == 403
        assert (User.objects.count(), sessions()) == (0, 0)

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5:8000", "localhost.evil.example"]
    )
    def test_a_foreign_name_for_this_machine_is_refused(self, host: str, settings: Any):
        settings.ALLOWED_HOSTS = settings.LOOPBACK_HOSTS
        assert Client().get("/v1/agents", headers={"Host": host}).status_code == 400
        assert Client().get("/", headers={"Host": host}).status_code == 400
        assert User.objects.count() == 0

    def test_a_group_that_an_admin_deleted_breaks_nothing(self, client: Client):
        Group.objects.get(name="Viewer").delete()
        client.get("/")
        assert client.post("/local/role/", {"role": "viewer"}).status_code == 302
        assert client.get("/prompts/").status_code == 403


@usable
@pytest.mark.django_db
class TestPrograms:
    def test_they_need_no_key_and_are_the_engineer(self):
        assert Client().get("/v1/agents").status_code == 200
        assert post("/v1/agents", {"name": "Ada"}).status_code == 201
        assert LedgerEvent.objects.get().actor == "engineer"

    def test_they_need_no_csrf_token(self):
        assert post("/v1/agents", {"name": "Ada"}, Client(enforce_csrf_checks=True)).status_code == 201

    def test_a_key_counts_where_one_is_sent(self):
        viewer = local_user("viewer")
        _, key = ApiKey.issue(user=viewer, by=_person(viewer), name="k", scopes=["read", "write"])
        assert post("/v1/agents", {"name": "Ada"}, Authorization=f"Bearer {key}").status_code == 403
        for wrong in ("Bearer wrong", "Bearer", ""):
            assert post("/v1/agents", {"name": "Ada"}, Authorization=wrong).status_code == 401
            assert post("/v1/agents", {"name": "Ada"}, **{"X-API-Key": wrong}).status_code == 401
        assert Agent.objects.count() == 0

    def test_a_browser_session_acts_in_its_role(self, client: Client):
        client.get("/")
        client.post("/local/role/", {"role": "viewer"})
        assert post("/v1/agents", {"name": "Ada"}, client).status_code == 403
        assert Agent.objects.count() == 0

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://testserver:3000"},
            {"Origin": "https://testserver"},
            {"Origin": "http://testserver.evil.example"},
            {"Origin": "http://["},
            {"Origin": ""},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"},
            {"Sec-Fetch-Site": "odd"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        ],
        ids=str,
    )
    def test_a_foreign_web_page_cannot_drive_the_ledger(self, headers: dict[str, str]):
        local_user()
        before = made()
        client = Client(raise_request_exception=False)
        assert post("/v1/agents", {"name": "Ada"}, client, **headers).status_code == 401
        assert client.get("/v1/agents", headers=headers).status_code == 401
        assert made() == before

    def test_a_foreign_web_page_cannot_use_the_session_either(self):
        client = Client(enforce_csrf_checks=True)
        client.get("/")
        before = made()
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            assert post("/v1/agents", {"name": "Ada"}, client, **headers).status_code == 403
            answer = client.post("/local/role/", {"role": "admin"}, headers=headers)
            assert answer.status_code == 403
        assert made() == before

    @pytest.mark.parametrize(
        "headers",
        [{"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, {"Sec-Fetch-Site": "none"}],
        ids=str,
    )
    def test_our_own_pages_and_the_address_bar_may(self, headers: dict[str, str]):
        assert Client().get("/v1/agents", headers=headers).status_code == 200


@pytest.mark.django_db
class TestOutsideLocalMode:
    def test_nobody_is_signed_in(self, client: Client):
        assert client.get("/")["Location"] == "/login/?next=%2F"
        assert client.get("/v1/agents").status_code == 401
        assert post("/v1/agents", {"name": "Ada"}).status_code == 401
        assert made() == (0, 0, 0)

    def test_there_are_no_roles_to_switch_to(self, page: Client):
        assert page.post("/local/role/", {"role": "admin"}).status_code == 404
        assert page.get("/").wsgi_request.user.username == "engineer"
        assert 'name="role"' not in page.get("/").content.decode()
        assert User.objects.count() == 1


@usable
@pytest.mark.django_db(transaction=True)
def test_first_requests_at_once_find_one_engineer_with_the_role():
    def first(_: int) -> int:
        try:
            return Client().get("/v1/agents").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(first, range(24))) == [200] * 24
    assert [group.name for group in User.objects.get().groups.all()] == ["Prompt engineer"]


def _person(user: User) -> Any:
    from accounts.actors import Person

    return Person.of(user)
