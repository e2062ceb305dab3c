"""What every test may use: people, clients, and databases whose guards stand."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client, TransactionTestCase
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from versions import guards

# A busy machine is no defect, and the same commit passes or fails each time. `--hypothesis-profile=default` looks further.
hypothesis_settings.register_profile(
    "the same each time", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("the same each time")

flush = TransactionTestCase._fixture_teardown


def flush_without_guards(self: TransactionTestCase) -> None:
    """Empty the tables after a transactional test: the guards refuse that, so they step aside, and come back.

    The groups came with a migration; the flush takes them along.
    """
    from accounts.roles import ensure_groups

    guards.lift()
    try:
        flush(self)
    finally:
        guards.install()
    ensure_groups()


TransactionTestCase._fixture_teardown = flush_without_guards


ROLES = {"viewer": "Viewer", "engineer": "Prompt engineer", "manager": "Release manager", "outsider": None}


def make_user(name: str, **fields: Any) -> User:
    """A user in the group that bears the name's role; "outsider" is in none, "admin" is a superuser."""
    user = User.objects.create_user(name, password=f"{name}-password-42", **fields)
    if group := ROLES.get(name):
        user.groups.add(Group.objects.get(name=group))
    return user


def make_person(user: User) -> Any:
    """The person a signed-in user is."""
    from accounts.actors import Person

    return Person.of(user)


@pytest.fixture
def engineer(db: None) -> Any:
    """A person with the whole matrix."""
    return make_person(make_user("engineer"))


@pytest.fixture
def manager(db: None) -> Any:
    """A person who may also roll back, approve and override."""
    return make_person(make_user("manager"))


@pytest.fixture
def viewer(db: None) -> Any:
    """A person who may look."""
    return make_person(make_user("viewer"))


@pytest.fixture
def outsider(db: None) -> Any:
    """A person in no group."""
    return make_person(make_user("outsider"))


@pytest.fixture
def admin(db: None) -> Any:
    """A superuser."""
    return make_person(make_user("admin", is_staff=True, is_superuser=True))


class Api:
    """A client that speaks JSON as one person, through a session of Django's test client."""

    def __init__(self, user: User | None = None, **headers: str) -> None:
        self.client = Client(headers=headers or None)
        if user:
            self.client.force_login(user)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"/v1{path}",
            data="" if body is None else json.dumps(body),
            content_type="application/json",
            headers=headers or None,
        )


@pytest.fixture
def api(engineer: Any) -> Api:
    """The API as the engineer: `api("POST", "/prompts", {...})`."""
    return Api(engineer.user)


@pytest.fixture
def page(engineer: Any) -> Client:
    """The pages as the engineer, by Django's test client."""
    client = Client()
    client.force_login(engineer.user)
    return client


@pytest.fixture
def local_mode(settings: Any) -> Iterator[None]:
    """Local mode on, as `make run` has it."""
    settings.LOCAL_MODE = True
    yield
