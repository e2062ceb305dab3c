"""How signing in differs from allauth's own ways: attempts are counted exactly, and nobody signs up."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from accounts import throttling

logger = logging.getLogger("promptledger.access")
WINDOW = 300
PER_NAME, PER_ADDRESS, PER_PERSON = 10, 50, 5


class AccountAdapter(DefaultAccountAdapter):
    """Hooked in by ACCOUNT_ADAPTER."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an admin or by single sign-on, never by visitors."""
        return False

    def is_safe_url(self, url: str) -> bool:
        """Whether one may be sent there after signing in. What is no address at all is none of ours."""
        try:
            return super().is_safe_url(url)
        except ValueError:
            return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse once a name or an address has tried too often. In the database, so that all processes count as one.

        An address that is refused no longer counts against names: it could lock out everybody, and fill the table.
        """
        address = self.get_client_ip(request)
        from_there = throttling.count("login-address", throttling.network(address), seconds=WINDOW)
        if from_there == 1:
            throttling.forget()
        name = str(credentials.get("username", "")).casefold()
        if from_there > PER_ADDRESS or throttling.count("login-name", name, seconds=WINDOW) > PER_NAME:
            logger.warning("Sign-in throttled for a name from %s", address)
            raise self.validation_error("too_many_login_attempts")

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return the user, or None: an account that was switched off is answered as a wrong password is."""
        user = super().authenticate(request, **credentials)
        if user is not None and not user.is_active:
            self.authentication_failed(request, **credentials)
            return None
        return user

    def _rollback_login_failed_rl_usage(self) -> None:
        """Nothing to give back: successful attempts count too, or a guesser could interleave his own."""

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log the failure without name or password: a password typed into the name field would end up here."""
        logger.warning("Sign-in failed from %s", self.get_client_ip(request))
