"""The pages about oneself: keys and account."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import roles
from accounts.models import ApiKey
from ledger.models import LedgerEvent
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def shown_key(answer: Any) -> str | None:
    found = re.search(r"pl_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{46}", answer.content.decode())
    return found and found[0]


def make(client: Client, **data: Any) -> Any:
    return client.post("/keys/", {"name": "deploy", "scopes": ["read"], "lifetime": "90", **data})


def text_of(answer: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


class TestKeys:
    def test_a_key_is_shown_this_once_and_works(self, page: Client):
        answer = make(page, scopes=["read", "write"])
        assert answer.status_code == 200
        key = shown_key(answer)
        assert Client().get("/v1/agents", headers={"X-API-Key": key}).status_code == 200
        assert f'<code id="new-key" data-key>{key}</code>' in answer.content.decode()
        assert 'data-copy="new-key"' in answer.content.decode()
        assert shown_key(page.get("/keys/")) is None
        row = ApiKey.objects.get()
        assert (row.user.username, row.name, row.scopes) == ("engineer", "deploy", ["read", "write"])
        assert f"pl_live_{row.prefix}_…" in page.get("/keys/").content.decode()

    @pytest.mark.parametrize(("lifetime", "days"), [("30", 30), ("90", 90), ("365", 365), ("", None)])
    def test_it_ends_when_it_was_said(self, page: Client, lifetime: str, days: int | None):
        make(page, lifetime=lifetime)
        ends = ApiKey.objects.get().expires_at
        if days is None:
            assert ends is None
        else:
            assert abs(ends - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)

    @pytest.mark.parametrize(
        "data",
        [{"name": ""}, {"name": "x" * 101}, {"name": "a\x00"}, {"scopes": []}, {"scopes": ["god"]}, {"lifetime": "1"},
         {"lifetime": "99999999999"}, {"scopes": ["read", "god"]}],
        ids=str,
    )  # fmt: skip
    def test_what_makes_no_key_says_why(self, page: Client, data: dict[str, Any]):
        answer = make(page, **data)
        assert answer.status_code == 422
        assert 'class="errorlist"' in answer.content.decode()
        assert (ApiKey.objects.count(), LedgerEvent.objects.count()) == (0, 0)

    def test_names_are_text_and_nothing_else(self, page: Client):
        make(page, name="<script>alert(1)</script>")
        assert "<script>alert" not in page.get("/keys/").content.decode()
        assert "<script>alert(1)</script>" in html.unescape(page.get("/keys/").content.decode())

    def test_scopes_that_one_cannot_use_are_explained(self, page: Client):
        viewers = Client()
        viewers.force_login(make_user("viewer"))
        assert text_of(viewers.get("/keys/")).count("(has no effect: you may do none of it)") == 4
        said = text_of(page.get("/keys/"))
        assert "has no effect" not in said
        assert "(except: roll back to a retired version, approve versions, override a gate, switch automation" in said
        managers = Client()
        managers.force_login(make_user("manager"))
        assert "which you may not" not in text_of(managers.get("/keys/"))

    def test_revoking_asks_first(self, page: Client):
        make(page)
        row = ApiKey.objects.get()
        question = page.get(f"/keys/{row.prefix}/revoke/")
        assert question.status_code == 200
        assert "Revoke deploy?" in question.content.decode()
        part = page.get(f"/keys/{row.prefix}/revoke/", headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        assert 'data-question="revoke"' in part
        row.refresh_from_db()
        assert row.state == "active"

    def test_revoking(self, page: Client):
        key = shown_key(make(page))
        row = ApiKey.objects.get()
        answer = page.post(f"/keys/{row.prefix}/revoke/", follow=True)
        assert "deploy is revoked" in text_of(answer)
        assert f"/keys/{row.prefix}/revoke/" not in answer.content.decode()
        assert Client().get("/v1/agents", headers={"X-API-Key": key}).status_code == 401
        assert LedgerEvent.objects.filter(action="api_key_revoked", actor="engineer").count() == 1

    @pytest.mark.parametrize("name", ["viewer", "manager", "admin"])
    def test_keys_of_others_are_neither_seen_nor_ended(self, page: Client, name: str):
        make(page)
        row = ApiKey.objects.get()
        other = Client()
        other.force_login(make_user(name, is_superuser=name == "admin"))
        assert row.prefix not in other.get("/keys/").content.decode()
        assert other.get(f"/keys/{row.prefix}/revoke/").status_code == 404
        assert other.post(f"/keys/{row.prefix}/revoke/").status_code == 404
        row.refresh_from_db()
        assert row.state == "active"
        assert LedgerEvent.objects.count() == 1

    def test_forms_take_a_csrf_token(self, engineer: Any):
        client = Client(enforce_csrf_checks=True)
        client.force_login(engineer.user)
        row, _ = ApiKey.issue(user=engineer.user, by=engineer, name="k", scopes=["read"])
        assert make(client).status_code == 403
        assert client.post(f"/keys/{row.prefix}/revoke/").status_code == 403
        assert [key.state for key in ApiKey.objects.all()] == ["active"]

    @pytest.mark.parametrize("prefix", ["nothing1", "a" * 300, "' OR 1=1", "..", "%2e%2e"])
    def test_a_key_that_is_not_there(self, page: Client, prefix: str):
        assert page.post(f"/keys/{prefix}/revoke/").status_code == 404

    def test_the_list_takes_as_many_queries_for_many_keys_as_for_one(
        self, page: Client, engineer: Any, django_assert_num_queries: Any
    ):
        for _ in range(20):
            ApiKey.issue(user=engineer.user, by=engineer, name="k", scopes=["read"])
        with django_assert_num_queries(5):  # session, user, permissions (2), keys
            page.get("/keys/")


class TestAccount:
    @pytest.mark.parametrize(
        ("name", "role", "group"),
        [("viewer", "Viewer", "Viewer"), ("engineer", "Prompt engineer", "Prompt engineer"),
         ("manager", "Release manager", "Release manager"), ("admin", "Admin", "Release manager"),
         ("outsider", "In no group yet: ask an admin for a role.", None)],
    )  # fmt: skip
    def test_it_says_who_one_is_and_what_one_may(self, name: str, role: str, group: str | None):
        client = Client()
        client.force_login(make_user(name, is_superuser=name == "admin"))
        answer = client.get("/account/")
        assert f"{name} {role}" in text_of(answer)
        refused = len(roles.IN_WORDS) - len(roles.GROUPS.get(group or "", ()))
        assert answer.content.decode().count("(not allowed)") == refused

    def test_it_leads_to_password_and_second_factor(self, page: Client):
        said = page.get("/account/").content.decode()
        for path in ("/account/password/change/", "/account/2fa/", "/keys/"):
            assert f'href="{path}"' in said
            assert page.get(path).status_code == 200

    @pytest.mark.usefixtures("local_mode")
    def test_people_of_local_mode_have_no_password(self, client: Client):
        assert "it belongs to local mode" in client.get("/account/").content.decode()
        answer = client.get("/account/password/change/", follow=True)
        assert answer.redirect_chain == [("/account/", 302)]
