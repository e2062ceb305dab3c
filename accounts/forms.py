"""Reading what people type about keys."""

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.utils import timezone

from accounts import roles
from accounts.actors import Person

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never expires"))


class KeyForm(forms.Form):
    """Name, scopes and lifetime of a new key."""

    name = forms.CharField(max_length=100, help_text="Where it is used, e.g. deploy pipeline.")
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, initial=["read"])
    lifetime = forms.ChoiceField(choices=LIFETIMES, required=False, initial="90")

    def expires_at(self) -> datetime | None:
        """When the key ends, or None for never."""
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(scope, f"{said}{_limits(scope, person)}") for scope, said in roles.SCOPE_HELP.items()]
        cast(forms.MultipleChoiceField, self.fields["scopes"]).choices = choices


def _limits(scope: str, person: Person) -> str:
    """What a key of this scope still could not do, because the person may not: a key never may more."""
    lacking = [roles.IN_WORDS[permission] for permission in roles.SCOPES[scope] if not person.may(permission)]
    if len(lacking) == len(roles.SCOPES[scope]):
        return " (has no effect: you may do none of it)"
    return f" (except: {', '.join(lacking)}, which you may not)" if lacking else ""
