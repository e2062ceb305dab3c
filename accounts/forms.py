"""Reading what people type about keys."""

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

from accounts import roles

LIFETIMES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never expires"))


class KeyForm(forms.Form):
    """Name, scopes and lifetime of a new key."""

    name = forms.CharField(max_length=100, help_text="Where it is used, e.g. deploy pipeline.")
    scopes = forms.MultipleChoiceField(
        choices=list(roles.SCOPE_HELP.items()), widget=forms.CheckboxSelectMultiple, initial=["read"]
    )
    lifetime = forms.ChoiceField(choices=LIFETIMES, required=False, initial="90")

    def expires_at(self) -> datetime | None:
        """When the key ends, or None for never."""
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None
