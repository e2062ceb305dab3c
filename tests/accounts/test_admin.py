"""Keys and second factors in the admin."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin as django_admin
from django.contrib.auth.models import Permission, User
from django.test import Client

from accounts.models import ApiKey, Attempts
from ledger.models import LedgerEvent
from ledger.verify import walk
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

KEYS = "/admin/accounts/apikey/"


@pytest.fixture
def site(admin: Any) -> Client:
    client = Client()
    client.force_login(admin.user)
    return client


@pytest.fixture
def row(engineer: Any) -> ApiKey:
    return ApiKey.issue(user=engineer.user, by=engineer, name="deploy", scopes=["read", "run"])[0]


def test_keys_are_listed_without_their_hash(site: Client, row: ApiKey):
    for path in (KEYS, f"{KEYS}{row.pk}/change/", f"{KEYS}?state=active", f"{KEYS}?q=deploy"):
        page = site.get(path).content.decode()
        assert f"pl_live_{row.prefix}_…" in page
        assert row.digest not in page
    for state in ("expired", "revoked"):
        assert row.prefix not in site.get(f"{KEYS}?state={state}").content.decode()


def test_keys_are_neither_added_nor_changed_nor_deleted(site: Client, row: ApiKey, everything: Any):
    before = everything()
    assert site.get(f"{KEYS}add/").status_code == 403
    assert site.post(f"{KEYS}add/", {"name": "x"}).status_code == 403
    assert site.post(f"{KEYS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    delete = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
    assert site.post(KEYS, delete).status_code in (200, 302)
    changed = {"name": "other", "prefix": "00000000", "digest": "0" * 64, "scopes": '["promote"]', "revoked_at": "",
               "user": User.objects.get(username="admin").pk, "ledger_length": 0}  # fmt: skip
    site.post(f"{KEYS}{row.pk}/change/", changed)
    assert everything() == before


def test_keys_are_revoked_with_a_ledger_entry_each(site: Client, row: ApiKey, engineer: Any):
    done, _ = ApiKey.issue(user=engineer.user, by=engineer, name="done", scopes=["read"])
    done.revoke(by=engineer)
    site.post(KEYS, {"action": "revoke", "_selected_action": [row.pk, done.pk]})
    row.refresh_from_db()
    assert row.state == "revoked"
    ended = LedgerEvent.objects.filter(action="api_key_revoked").values_list("actor", "detail")
    assert {(actor, detail["name"]) for actor, detail in ended} == {("engineer", "done"), ("admin", "deploy")}
    assert ended.count() == 2


def test_staff_who_may_only_look_cannot_revoke(row: ApiKey):
    clerk = make_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["view_apikey", "view_prompt"]))
    client = Client()
    client.force_login(clerk)
    assert client.get(KEYS).status_code == 200
    client.post(KEYS, {"action": "revoke", "_selected_action": row.pk})
    row.refresh_from_db()
    assert row.state == "active"
    assert LedgerEvent.objects.count() == 1


def test_a_user_with_keys_can_be_deleted_and_the_ledger_remembers(site: Client, row: ApiKey):
    answer = site.post(f"/admin/auth/user/{row.user_id}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    assert not User.objects.filter(username="engineer").exists()
    assert [key.state for key in ApiKey.objects.all()] == ["without user"]
    assert row.prefix in site.get(KEYS).content.decode()
    assert site.get(f"{KEYS}{row.pk}/change/").status_code == 200
    site.post(KEYS, {"action": "revoke", "_selected_action": row.pk})
    assert list(LedgerEvent.objects.order_by("sequence").values_list("actor", "action")) == [
        ("engineer", "api_key_created"), ("admin", "api_key_revoked")
    ]  # fmt: skip
    assert list(walk()) == []


def test_a_second_factor_can_be_taken_away_but_not_looked_at(site: Client, engineer: Any):
    secret = generate_totp_secret()
    factor = TOTP.activate(engineer.user, secret).instance
    stored = factor.data["secret"]
    for path in ("/admin/mfa/authenticator/", f"/admin/mfa/authenticator/{factor.pk}/change/"):
        page = site.get(path).content.decode()
        assert "engineer" in page
        assert secret not in page
        assert stored not in page
    assert site.get("/admin/mfa/authenticator/add/").status_code == 403
    site.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert Authenticator.objects.count() == 0


def test_what_is_noise_is_not_there(site: Client):
    names = {model.__name__ for model in django_admin.site._registry}
    assert {"ApiKey", "Authenticator", "User", "Group"} <= names
    assert not names & {"EmailAddress", "EmailConfirmation", Attempts.__name__}
