"""Forms in which a secret can be guessed by somebody who already got past the first door."""

import logging

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm

from accounts import throttling
from accounts.adapter import PER_PERSON, WINDOW

logger = logging.getLogger("promptledger.access")


class SecondFactor(AuthenticateForm):
    """At sign-in. A code has six digits: without a limit, somebody who has the password tries them all."""

    def clean_code(self) -> str:
        """Return the code if it is right. Raises ValidationError, also for a right one after too many wrong ones."""
        count_try("second-factor", self.user.pk)
        return super().clean_code()


class SecondFactorAgain(ReauthenticateForm):
    """Before something delicate; draws on the same count."""

    def clean_code(self) -> str:
        """As above."""
        count_try("second-factor", self.user.pk)
        return super().clean_code()


class NewPassword(ChangePasswordForm):
    """Asks for the present password, which somebody at an open browser would have to guess."""

    def clean_oldpassword(self) -> str:
        """Return the present password. Raises ValidationError when it is wrong, or was tried too often."""
        count_try("present-password", self.user.pk)
        return super().clean_oldpassword()


def count_try(what: str, user_id: int) -> None:
    """Raise ValidationError once this user's secret was tried too often."""
    if throttling.count(what, str(user_id), seconds=WINDOW) > PER_PERSON:
        logger.warning("%s throttled for user %s", what, user_id)
        raise get_adapter().validation_error("too_many_login_attempts")
