"""The forms that take a code. It has six digits: without a limit, somebody who has the password tries them all."""

import logging

from allauth.account.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm

from accounts import throttling
from accounts.adapter import PER_SECOND_FACTOR, WINDOW

logger = logging.getLogger("promptledger.access")


class SecondFactor(AuthenticateForm):
    """At sign-in; hooked in by MFA_FORMS."""

    def clean_code(self) -> str:
        """Return the code if it is right. Raises ValidationError, also for a right one after too many wrong ones."""
        count_try(self.user.pk)
        return super().clean_code()


class SecondFactorAgain(ReauthenticateForm):
    """Before something delicate; hooked in by MFA_FORMS."""

    def clean_code(self) -> str:
        """As above: both forms draw on one count."""
        count_try(self.user.pk)
        return super().clean_code()


def count_try(user_id: int) -> None:
    """Raise ValidationError once this user's codes were tried too often."""
    if throttling.count("second-factor", str(user_id), seconds=WINDOW) > PER_SECOND_FACTOR:
        logger.warning("Second factor throttled for user %s", user_id)
        raise get_adapter().validation_error("too_many_login_attempts")
