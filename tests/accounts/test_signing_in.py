"""Signing in and out, and the second factor (SPEC 10; ASVS 6, 7)."""

import logging
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts import adapter
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "engineer-password-42"
# All of these lead away from here, or try to.
ELSEWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "////evil.example/", "/\\evil.example", "\\\\evil.example",
    "http:evil.example", "https:///evil.example", "javascript:alert(1)", "data:text/html,x", "http://testserver@evil.example/",
    "http://testserver.evil.example/", "\t//evil.example", " //evil.example", "/\t/evil.example", "http://[", "ftp://testserver/",
    "//evil.example\\@testserver",
]  # fmt: skip


@pytest.fixture
def ada() -> User:
    return make_user("engineer")


def sign_in(client: Client, password: str = PASSWORD, **data: str) -> Any:
    return client.post("/login/", {"login": "engineer", "password": password, **data})


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_the_names_of_the_routes():
    assert reverse("accounts:login") == reverse("account_login") == "/login/"
    assert reverse("accounts:logout") == reverse("account_logout") == "/logout/"


def test_signing_in_leads_to_where_one_wanted_to_go(ada: User, client: Client):
    asked = client.get("/prompts/?search=a+b")
    assert asked["Location"] == "/login/?next=%2Fprompts%2F%3Fsearch%3Da%2Bb"
    answer = sign_in(client, next="/prompts/?search=a+b")
    assert (answer.status_code, answer["Location"]) == (302, "/prompts/?search=a+b")
    assert client.get("/prompts/").status_code == 200


def test_signing_out(page: Client):
    assert page.get("/logout/").status_code == 200
    assert signed_in(page)
    answer = page.post("/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert not signed_in(page)


@pytest.mark.parametrize("target", ELSEWHERE, ids=repr)
def test_next_never_leads_away(ada: User, target: str):
    for send in (
        lambda client: sign_in(client, next=target),
        lambda client: client.post(f"/login/?next={quote(target)}", {"login": "engineer", "password": PASSWORD}),
    ):
        client = Client(raise_request_exception=False)
        answer = send(client)
        assert (answer.status_code, answer["Location"]) == (302, "/")
        answer = client.get(f"/login/?next={quote(target)}")
        assert (answer.status_code, answer["Location"]) == (302, "/")
        answer = client.post("/logout/", {"next": target})
        assert (answer.status_code, answer["Location"]) == (302, "/login/")


@pytest.mark.parametrize("target", [*ELSEWHERE, "home", "accounts:keys", "keys"], ids=repr)
@pytest.mark.usefixtures("local_mode")
def test_switching_roles_never_leads_away(target: str):
    client = Client(raise_request_exception=False)
    client.get("/")
    answer = client.post("/local/role/", {"role": "viewer", "next": target})
    assert answer.status_code == 302
    assert answer["Location"] in {"/", "home", "keys"}


def test_the_session_and_the_csrf_token_are_new_after_signing_in(ada: User, client: Client, settings: Any):
    client.get("/login/")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    session = client.session
    session["fixed"] = "by somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    sign_in(client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != session.session_key
    assert client.cookies[settings.CSRF_COOKIE_NAME].value != token


def test_a_session_lasts_a_week(ada: User, client: Client, settings: Any):
    sign_in(client)
    assert client.session.get_expiry_age() == 60 * 60 * 24 * 7
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_cookies_over_https_are_bound_to_this_host(settings: Any):
    """Read from the settings: which names they have is decided when they are read."""
    import os
    import subprocess
    import sys

    said = subprocess.run(
        [sys.executable, "-c",
         "import django; django.setup(); from django.conf import settings as s;"
         "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
         "s.SESSION_COOKIE_HTTPONLY, s.SECURE_HSTS_SECONDS, s.SECURE_SSL_REDIRECT)"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "promptledger.settings", "PROMPTLEDGER_HTTPS": "1",
             "PROMPTLEDGER_LOCAL": "0"},
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "31536000", "True"]


def test_unknown_names_wrong_passwords_and_closed_accounts_are_answered_alike(ada: User, caplog: Any, sessions: Any):
    caplog.set_level(logging.INFO)
    make_user("closed", is_active=False)
    said = set()
    for name, password in (("engineer", "wrong-secret"), ("nobody", "wrong-secret"), ("closed", "closed-password-42")):
        answer = Client().post("/login/", {"login": name, "password": password})
        assert answer.status_code == 200
        assert password not in answer.content.decode()
        said.add(tuple(answer.context["form"].non_field_errors()))
    assert said == {("The username and/or password you specified are not correct.",)}
    assert sessions() == 0
    failures = [record.getMessage() for record in caplog.records if record.name == "promptledger.access"]
    assert failures == ["Sign-in failed from 127.0.0.1"] * 3
    for secret in ("wrong-secret", "password-42", "engineer", "nobody"):
        assert secret not in caplog.text


@pytest.mark.parametrize("name", ["", "x" * 151, "a\x00b", "a" * 100_000, "\ud800"])
def test_odd_names_are_refused_in_words(name: str, client: Client, sessions: Any):
    sent = {"login": name.encode("utf-8", "surrogatepass").decode("latin-1"), "password": "x"}
    answer = client.post("/login/", sent)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    assert sessions() == 0


def test_signing_in_takes_a_csrf_token(ada: User):
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client).status_code == 403
    assert not signed_in(client)


def test_nobody_signs_up_or_resets_a_password(client: Client):
    for path in ("/signup/", "/account/signup/", "/accounts/signup/", "/password/reset/", "/account/password/reset/"):
        answer = client.post(path, {"username": "eve", "password1": "eve-password-42"})
        assert answer.status_code in (302, 404)
    client.post("/login/", {"username": "eve", "password1": "eve-password-42", "email": "eve@example.com"})
    assert User.objects.count() == 0


def test_changing_the_password_ends_the_other_sessions(ada: User, client: Client):
    sign_in(client)
    other = Client()
    sign_in(other)
    new = {"oldpassword": PASSWORD, "password1": "correct horse battery", "password2": "correct horse battery"}
    assert client.post("/account/password/change/", new).status_code == 302
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


@pytest.mark.parametrize("new", ["short", "engineer1234", "123456789012", "password1234"])
def test_weak_passwords_are_refused(new: str, page: Client):
    before = User.objects.get().password
    sent = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert page.post("/account/password/change/", sent).status_code == 200
    assert User.objects.get().password == before


def test_the_present_password_cannot_be_guessed_at_an_open_browser(
    ada: User, client: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("accounts.counted_forms.WINDOW", 10**9)
    sign_in(client)
    before = User.objects.get().password
    new = {"password1": "correct horse battery", "password2": "correct horse battery"}
    for guess in [*["wrong"] * adapter.PER_PERSON, PASSWORD]:
        answer = client.post("/account/password/change/", {"oldpassword": guess, **new})
        assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()
    assert User.objects.get().password == before


def test_a_long_passphrase_is_taken_whole(ada: User, client: Client):
    sign_in(client)
    phrase = "blue horses and rivers " * 6
    client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": phrase, "password2": phrase})
    assert User.objects.get().check_password(phrase)
    assert not User.objects.get().check_password(phrase[:72])


class TestSecondFactor:
    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch: pytest.MonkeyPatch, time_machine: Any) -> None:
        monkeypatch.setattr("accounts.adapter.WINDOW", 10**9)
        monkeypatch.setattr("accounts.counted_forms.WINDOW", 10**9)
        time_machine.move_to(datetime.now(UTC), tick=False)  # a code is good until its half minute ends
        cache.clear()

    @pytest.fixture
    def secret(self, ada: User) -> str:
        secret = generate_totp_secret()
        TOTP.activate(ada, secret)
        return secret

    def code(self, secret: str) -> str:
        return format_hotp_value(hotp_value(secret, int(time.time()) // 30))

    def test_the_password_alone_signs_nobody_in(self, secret: str, client: Client):
        answer = sign_in(client)
        assert (answer.status_code, answer["Location"]) == (302, "/account/2fa/authenticate/")
        assert not signed_in(client)
        assert client.get("/prompts/").status_code == 302
        assert client.get("/v1/agents").status_code == 401

    def test_the_code_does(self, secret: str, client: Client):
        sign_in(client, next="/prompts/")
        answer = client.post("/account/2fa/authenticate/", {"code": self.code(secret)})
        assert (answer.status_code, answer["Location"]) == (302, "/prompts/")
        assert client.get("/prompts/").status_code == 200

    def test_the_page_asks_for_it(self, secret: str, client: Client):
        sign_in(client)
        page = client.get("/account/2fa/authenticate/").content.decode()
        assert 'autocomplete="one-time-code"' in page

    def test_without_the_password_there_is_no_such_page(self, secret: str, client: Client):
        answer = client.post("/account/2fa/authenticate/", {"code": self.code(secret)})
        assert answer.status_code == 302
        assert not signed_in(client)

    def test_codes_cannot_be_tried_through(self, secret: str, client: Client):
        sign_in(client)
        right = self.code(secret)
        wrong = "000000" if right != "000000" else "111111"
        for _ in range(adapter.PER_PERSON):
            assert "Incorrect code" in client.post("/account/2fa/authenticate/", {"code": wrong}).content.decode()
        for fresh in (client, Client()):
            sign_in(fresh)
            answer = fresh.post("/account/2fa/authenticate/", {"code": self.code(secret)})
            assert "Too many failed login attempts" in answer.content.decode()
            assert not signed_in(fresh)

    def test_a_code_works_once(self, secret: str):
        first, second, code = Client(), Client(), self.code(secret)
        for client in (first, second):
            sign_in(client)
            client.post("/account/2fa/authenticate/", {"code": code})
        assert (signed_in(first), signed_in(second)) == (True, False)

    def test_a_recovery_code_works_once(self, secret: str, ada: User):
        code = RecoveryCodes.activate(ada).get_unused_codes()[0]
        first, second = Client(), Client()
        for client in (first, second):
            sign_in(client)
            client.post("/account/2fa/authenticate/", {"code": code})
        assert (signed_in(first), signed_in(second)) == (True, False)

    def test_it_is_set_up_on_the_page_after_the_password_was_asked_again(self, ada: User, client: Client):
        sign_in(client)
        asked = client.get("/account/2fa/totp/activate/")
        assert asked["Location"] == "/account/reauthenticate/?next=%2Faccount%2F2fa%2Ftotp%2Factivate%2F"
        client.post("/account/reauthenticate/", {"password": PASSWORD, "next": "/account/2fa/totp/activate/"})
        shown = client.get("/account/2fa/totp/activate/")
        secret = shown.context["form"].secret
        assert shown.context["totp_svg_data_uri"].startswith("data:image/svg+xml")
        answer = client.post("/account/2fa/totp/activate/", {"code": self.code(secret)})
        assert answer.status_code == 302
        assert set(Authenticator.objects.values_list("type", flat=True)) == {"totp", "recovery_codes"}
        for path in ("/account/2fa/", "/account/2fa/recovery-codes/", "/account/2fa/totp/deactivate/"):
            assert client.get(path).status_code == 200

    def test_a_wrong_password_does_not_confirm(self, ada: User, client: Client):
        sign_in(client)
        client.post("/account/reauthenticate/", {"password": "wrong"})
        assert client.get("/account/2fa/totp/activate/").status_code == 302
        assert Authenticator.objects.count() == 0
