"""Provider settings in the admin: who answers in which environment. A key goes in and never comes out."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest

from accounts.actors import person
from common import secrets
from common.secrets import Secret
from executions.models import ProviderSetting
from executions.models.provider import NEEDED_AGAIN
from versions.forms import JSONText

NO_ENCRYPTION = "There is nothing to encrypt it with: set PROMPTLEDGER_ENCRYPTION_KEY and restart (docs/executions.md)."


class ProviderSettingForm(forms.ModelForm):
    """The settings, and a field for a new key."""

    adapter = forms.ChoiceField(help_text="The protocol that is spoken.")
    params = JSONText(
        label="Parameters", required=False,
        help_text='As {"temperature": 0.2}; the version\'s config and the run go before it.',
    )  # fmt: skip
    key = forms.CharField(
        label="API key",
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Kept encrypted and never shown again. Leave it empty to keep the present one.",
    )
    remove_key = forms.BooleanField(label="Remove the present key", required=False)

    class Meta:
        model = ProviderSetting
        fields = ("environment", "name", "adapter", "model", "base_url", "params", "is_default")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["adapter"].choices = [(name, name) for name in settings.PROVIDERS]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A key is asked for again where it would be sent elsewhere, and none is taken that cannot be kept."""
        given = super().clean() or self.cleaned_data
        given["key"] = Secret((given.get("key") or "").strip())
        if given["key"] and not secrets.can_seal():
            self.add_error("key", NO_ENCRYPTION)
        present = ProviderSetting.objects.filter(pk=self.instance.pk).first()
        if present and not given["key"] and not given["remove_key"] and present.needs_key_again(**given):
            self.add_error("key", NEEDED_AGAIN)
        return given


@admin.register(ProviderSetting)
class ProviderSettingAdmin(admin.ModelAdmin):
    """Made, changed and deleted through the model's own methods, which write the ledger."""

    form = ProviderSettingForm
    list_display = ("name", "environment", "adapter", "model", "base_url", "is_default", "key_is_set")
    list_filter = ("environment", "adapter")
    fields = (
        "environment", "name", "adapter", "model", "base_url", "params", "is_default", "present_key", "key",
        "remove_key",
    )  # fmt: skip
    readonly_fields = ("present_key",)
    actions = None

    @admin.display(description="Key", boolean=True)
    def key_is_set(self, row: ProviderSetting) -> bool:
        """Whether there is one."""
        return bool(row.sealed_key)

    @admin.display(description="Present key")
    def present_key(self, row: ProviderSetting) -> str:
        """When it was set, and whether it can be read; nothing of the key itself."""
        if not row.sealed_key:
            return "none"
        try:
            row.key()
        except secrets.Unreadable as why:
            return f"cannot be read: {why}. Enter it again."
        return f"set on {row.key_set_at:%Y-%m-%d %H:%M} UTC, encrypted under key {secrets.key_id(row.sealed_key)}"

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderSetting | None = None) -> tuple[str, ...]:
        """Environment and name are fixed from the start: the key is sealed for them."""
        return (*self.readonly_fields, "environment", "name") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: ProviderSetting, form: Any, change: bool) -> None:
        """Create or change with a ledger entry; a change is made on the row as it is, not as the form left it."""
        fields = dict(form.cleaned_data)
        if change:
            ProviderSetting.objects.get(pk=obj.pk).change(by=person(request), **fields)
        else:
            fields.pop("remove_key")
            obj.pk = ProviderSetting.create(by=person(request), **fields).pk

    def delete_model(self, request: HttpRequest, obj: ProviderSetting) -> None:
        """With a ledger entry."""
        obj.remove(by=person(request))
