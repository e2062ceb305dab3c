"""How signing in differs from allauth's own ways: attempts are counted exactly, and nobody signs up."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts import throttling

logger = logging.getLogger("promptledger.access")
WINDOW = 300
PER_NAME, PER_ADDRESS = 10, 50


class AccountAdapter(DefaultAccountAdapter):
    """Hooked in by ACCOUNT_ADAPTER."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an admin or by single sign-on, never by visitors."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse once a name or an address has tried too often. In the database, so that all processes count as one."""
        name, address = str(credentials.get("username", "")), request.META.get("REMOTE_ADDR", "")
        tried = throttling.count("login-name", name.casefold(), seconds=WINDOW)
        from_there = throttling.count("login-address", address, seconds=WINDOW)
        if tried > PER_NAME or from_there > PER_ADDRESS:
            logger.warning("Sign-in throttled for a name from %s", address)
            raise self.validation_error("too_many_login_attempts")

    def _rollback_login_failed_rl_usage(self) -> None:
        """Nothing to give back: successful attempts count too, or a guesser could interleave his own."""

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Log the failure without name or password: a password typed into the name field would end up here."""
        logger.warning("Sign-in failed from %s", request.META.get("REMOTE_ADDR", ""))
