"""The life of an API key: made, shown once, used, expired, revoked (SPEC 10; RELIABILITY 2.3)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from ledger.actors import system
from ledger.models import LedgerEvent
from ledger.verify import walk

pytestmark = pytest.mark.django_db


def issue(person: Any, **fields: Any) -> tuple[ApiKey, str]:
    return ApiKey.issue(user=person.user, by=person, **{"name": "deploy", "scopes": ["read"], **fields})


def status(key: str) -> int:
    return Client().get("/v1/agents", headers={"Authorization": f"Bearer {key}"}).status_code


def test_the_form_of_a_key():
    prefix, key = keys.make()
    assert re.fullmatch(r"pl_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{46}", key)
    assert keys.prefix_of(key) == prefix
    assert len({keys.make()[1] for _ in range(200)}) == 200


def test_a_typo_is_found_without_the_database(django_assert_num_queries: Any):
    _, key = keys.make()
    with django_assert_num_queries(0):
        for place in range(len(key)):
            other = "x" if key[place] != "x" else "y"
            assert keys.prefix_of(key[:place] + other + key[place + 1 :]) is None
            assert keys.prefix_of(key[:place] + key[place + 1 :]) is None
        assert keys.prefix_of(key + "0") is None
        assert keys.prefix_of(f"{key}\n") is None
        assert keys.prefix_of("") is None


def test_only_the_hash_is_stored(engineer: Any):
    row, key = issue(engineer)
    secret = key.removeprefix(f"pl_live_{row.prefix}_")
    assert row.digest == keys.digest(key)
    assert len(row.digest) == 64
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            assert secret not in repr(cursor.fetchall()), table


def test_making_and_revoking_are_in_the_ledger(engineer: Any, manager: Any):
    row, _ = issue(engineer, scopes=["run", "read", "run"])
    row.revoke(by=manager)
    made, ended = LedgerEvent.objects.filter(chain=f"apikey:{row.pk}").order_by("sequence")
    detail = {"prefix": row.prefix, "name": "deploy", "user": "engineer", "scopes": ["read", "run"]}
    assert (made.action, made.actor, made.detail) == ("api_key_created", "engineer", detail)
    assert (ended.action, ended.actor, ended.detail) == ("api_key_revoked", "manager", detail)
    assert list(walk()) == []


def test_a_key_works_until_it_is_revoked(engineer: Any):
    row, key = issue(engineer)
    assert (row.state, status(key)) == ("active", 200)
    row.revoke(by=engineer)
    assert (row.state, status(key)) == ("revoked", 401)


def test_revoking_twice_changes_nothing(engineer: Any):
    row, _ = issue(engineer)
    row.revoke(by=engineer)
    when, events = ApiKey.objects.get().revoked_at, LedgerEvent.objects.count()
    ApiKey.objects.get().revoke(by=engineer)
    assert (ApiKey.objects.get().revoked_at, LedgerEvent.objects.count()) == (when, events)


def test_a_key_works_until_it_expires(engineer: Any, time_machine_at: Any):
    row, key = issue(engineer, expires_at=timezone.now() + timedelta(days=30))
    with time_machine_at(timezone.now() + timedelta(days=30, seconds=-5)):
        assert (row.state, status(key)) == ("active", 200)
    with time_machine_at(timezone.now() + timedelta(days=30, seconds=5)):
        assert (row.state, status(key)) == ("expired", 401)


def test_last_use_is_written_once_a_minute(engineer: Any, time_machine_at: Any):
    row, key = issue(engineer)
    assert row.last_used_at is None
    start = timezone.now()
    seen = []
    for seconds in (0, 30, 59, 61, 100, 122):
        with time_machine_at(start + timedelta(seconds=seconds)):
            assert status(key) == 200
        row.refresh_from_db()
        seen.append(round((row.last_used_at - start).total_seconds()))
    assert seen == [0, 0, 0, 61, 61, 122]


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": []},
        {"scopes": ["admin"]},
        {"scopes": ["read", "Write"]},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\x00b"},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=["no scope", "unknown scope", "misspelt scope", "no name", "long name", "NUL", "past"],
)
def test_what_makes_no_key_writes_nothing(engineer: Any, fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        issue(engineer, **fields)
    assert ApiKey.objects.count() == 0
    assert LedgerEvent.objects.count() == 0


def test_the_words_about_unknown_scopes_name_the_known_ones(engineer: Any):
    with pytest.raises(ValidationError) as error:
        issue(engineer, scopes=["admin", "god"])
    assert error.value.message_dict == {
        "scopes": ["Unknown scopes: admin, god. Choose from read, run, register, write, promote."]
    }


def test_what_a_key_did_survives_its_user(engineer: Any):
    row, key = issue(engineer, scopes=["read", "write"])
    headers = {"Authorization": f"Bearer {key}"}
    made = Client().post("/v1/agents", {"name": "Ada"}, content_type="application/json", headers=headers)
    assert made.status_code == 201
    engineer.user.delete()
    assert status(key) == 401
    event = LedgerEvent.objects.get(action="agent_created")
    assert (event.actor, event.api_key) == ("engineer", row.prefix)
    assert list(walk()) == []


def test_a_key_says_little_of_itself(engineer: Any):
    row, key = issue(engineer)
    assert str(row) == f"deploy (pl_live_{row.prefix}_…)"
    assert key not in repr(row)


def test_a_program_may_make_a_key_for_somebody(engineer: Any):
    ApiKey.issue(user=engineer.user, by=system("create_api_key"), name="cli", scopes=["read"])
    assert LedgerEvent.objects.get().actor == "system:create_api_key"
