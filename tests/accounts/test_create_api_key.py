"""`manage.py create_api_key`."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from ledger.models import LedgerEvent
from tests.conftest import make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("create_api_key", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_the_key_alone_and_the_rest_beside_it(engineer: Any):
    out, err = run("engineer", "--scopes", "read,run", "--name", "deploy", "--expires-days", "30")
    key = out.strip()
    row = ApiKey.objects.get()
    assert out == f"{key}\n"
    assert keys.prefix_of(key) == row.prefix
    assert key not in err
    assert "deploy: acts as engineer, scopes read, run." in err
    assert (row.name, row.user, row.scopes) == ("deploy", engineer.user, ["read", "run"])
    assert abs(row.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert Client().get("/v1/agents", headers={"X-API-Key": key}).status_code == 200
    assert LedgerEvent.objects.get().actor == "system:create_api_key"


def test_it_reads_for_ever_unless_told_otherwise(engineer: Any):
    run("engineer")
    row = ApiKey.objects.get()
    assert (row.scopes, row.expires_at) == (["read"], None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eve"], "There is no user 'eve'. Users: ada, engineer."),
        (["Engineer"], "There is no user 'Engineer'."),
        (["engineer", "--scopes", "god"], "Unknown scopes: god. Choose from read, run, register, write, promote."),
        (["engineer", "--scopes", ""], "Choose from read, run, register, write, promote."),
        (["engineer", "--scopes", "read;write"], "Unknown scopes: read;write."),
        (["engineer", "--name", ""], "This field cannot be blank."),
        (["engineer", "--name", "x" * 101], "at most 100 characters"),
        (["engineer", "--expires-days", "0"], "That is in the past."),
        (["engineer", "--expires-days", "-1"], "That is in the past."),
        (["engineer", "--expires-days", "99999999999"], ""),
        (["engineer", "--expires-days", "3000000"], ""),
        (["engineer", "--expires-days", "soon"], "invalid int value"),
    ],
    ids=str,
)
def test_a_mistake_is_explained_and_makes_nothing(arguments: list[str], said: str, engineer: Any):
    make_user("ada")
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert said in str(error.value)
    assert (ApiKey.objects.count(), LedgerEvent.objects.count()) == (0, 0)


def test_somebody_who_is_switched_off_gets_none(engineer: Any):
    engineer.user.is_active = False
    engineer.user.save()
    with pytest.raises(CommandError, match="switched off"):
        run("engineer")
    assert ApiKey.objects.count() == 0
