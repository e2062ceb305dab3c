"""Attempts are counted exactly, however many come at once (ASVS 6.3.1)."""

import html
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from accounts import adapter, throttling
from accounts.models import Attempts
from tests.conftest import make_user

AGES = 10**9
THROTTLED = "Too many failed login attempts. Try again later."
WRONG = "The username and/or password you specified are not correct."


def at_once(act: Callable[[int], Any], times: int) -> list[Any]:
    """What `act` returns, called so often from 20 threads."""

    def once(number: int) -> Any:
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(once, range(times)))


def sign_in(name: str, password: str, address: str = "192.0.2.1") -> str:
    """Try, from an address; returns what the page says, or where it leads."""
    answer = Client(REMOTE_ADDR=address).post("/login/", {"login": name, "password": password})
    return answer["Location"] if answer.status_code == 302 else said_on(answer)


def said_on(answer: Any) -> str:
    """The notice on the page. (Not `answer.context`: several threads' clients mix theirs up.)"""
    return html.unescape(re.search(r'role="alert"><p>(.*?)</p>', answer.content.decode())[1])


@pytest.fixture
def long_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window ends while a test runs."""
    monkeypatch.setattr(adapter, "WINDOW", AGES)


@pytest.mark.django_db(transaction=True)
def test_two_hundred_counts_at_once_are_two_hundred_numbers():
    assert sorted(at_once(lambda _: throttling.count("x", "ada", seconds=AGES), 200)) == list(range(1, 201))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("long_window")
def test_of_two_hundred_attempts_at_once_on_one_name_exactly_the_limit_is_tried():
    said = at_once(lambda number: sign_in("ada", "guess", f"192.0.2.{number}"), 200)
    assert said.count(WRONG) == adapter.PER_NAME
    assert said.count(THROTTLED) == 200 - adapter.PER_NAME


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("long_window")
def test_of_two_hundred_attempts_at_once_from_one_address_exactly_the_limit_is_tried():
    said = at_once(lambda number: sign_in(f"user{number}", "guess"), 200)
    assert said.count(WRONG) == adapter.PER_ADDRESS
    assert said.count(THROTTLED) == 200 - adapter.PER_ADDRESS
    assert Attempts.objects.count() == 1 + adapter.PER_ADDRESS


@pytest.mark.django_db
@pytest.mark.usefixtures("long_window")
class TestSigningIn:
    def test_the_right_password_comes_too_late(self, sessions: Any):
        make_user("ada")
        for _ in range(adapter.PER_NAME):
            assert sign_in("ada", "guess") == WRONG
        assert sign_in("ada", "ada-password-42") == THROTTLED
        assert sessions() == 0
        assert User.objects.get().last_login is None

    def test_other_names_from_there_go_on(self):
        make_user("bob")
        for _ in range(adapter.PER_NAME + 1):
            sign_in("ada", "guess")
        assert sign_in("bob", "bob-password-42") == "/"

    def test_a_name_is_counted_however_it_is_spelled(self):
        for _ in range(adapter.PER_NAME):
            sign_in("ada", "guess")
        for spelled in ("ADA", " ada ", "Ada"):
            assert sign_in(spelled, "guess") == THROTTLED

    def test_good_attempts_count_too_so_that_nobody_interleaves_his_own(self):
        make_user("eve")
        for _ in range(adapter.PER_NAME):
            assert sign_in("eve", "eve-password-42") == "/"
        assert sign_in("eve", "eve-password-42") == THROTTLED

    def test_a_refused_address_counts_against_nobody(self):
        for number in range(adapter.PER_ADDRESS):
            sign_in(f"user{number}", "guess")
        rows = Attempts.objects.count()
        for _ in range(adapter.PER_NAME * 2):
            assert sign_in("ada", "guess") == THROTTLED
        assert Attempts.objects.count() == rows
        assert sign_in("ada", "guess", "192.0.2.77") == WRONG

    def test_the_header_that_anybody_can_write_changes_nothing(self):
        for number in range(adapter.PER_ADDRESS):
            sign_in(f"user{number}", "guess")
        answer = Client(REMOTE_ADDR="192.0.2.1").post(
            "/login/", {"login": "ada", "password": "x"}, headers={"X-Forwarded-For": "192.0.2.9"}
        )
        assert said_on(answer) == THROTTLED

    def test_behind_our_proxy_the_entry_that_it_wrote_counts(self, settings: Any):
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
        for number in range(adapter.PER_ADDRESS + 1):
            made_up = {"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.5"}
            said = Client().post("/login/", {"login": f"u{number}", "password": "x"}, headers=made_up)
        assert said_on(said) == THROTTLED
        other = {"X-Forwarded-For": "192.0.2.5, 192.0.2.6"}
        said = Client().post("/login/", {"login": "ada", "password": "x"}, headers=other)
        assert said_on(said) == WRONG


@pytest.mark.django_db
def test_a_window_ends(time_machine_at: Any):
    for _ in range(3):
        with time_machine_at(1_000_000_200):
            throttling.count("x", "ada", seconds=300)
    with time_machine_at(1_000_000_499):
        assert throttling.count("x", "ada", seconds=300) == 4
    with time_machine_at(1_000_000_500):
        assert throttling.count("x", "ada", seconds=300) == 1


@pytest.mark.django_db
def test_a_clock_that_lags_opens_no_window_anew(time_machine_at: Any):
    said = []
    for instant in (1_000_000_500, 1_000_000_499, 1_000_000_500, 1_000_000_499):
        with time_machine_at(instant):
            said.append(throttling.count("x", "ada", seconds=300))
    assert said == [1, 2, 3, 4]


@pytest.mark.django_db
def test_old_counters_are_forgotten_and_running_ones_kept(time_machine_at: Any):
    with time_machine_at(1_000_000_200):
        throttling.count("x", "ada", seconds=300)
        throttling.count("x", "bob", seconds=600)
    with time_machine_at(1_000_000_500):
        throttling.forget()
    assert Attempts.objects.count() == 1
    with time_machine_at(1_000_000_500):
        assert throttling.count("x", "bob", seconds=600) == 2


@pytest.mark.django_db
def test_no_name_is_kept_in_the_counters():
    throttling.count("login-name", "my-password-by-mistake", seconds=300)
    throttling.count("login-name", "\ud800\x00", seconds=300)
    assert all("password" not in row.key and len(row.key) <= 80 for row in Attempts.objects.all())


@pytest.mark.parametrize(
    ("address", "known_by"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_caller_is_known_by_address_or_network(address: str, known_by: str):
    assert throttling.network(address) == known_by
