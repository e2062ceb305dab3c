"""Provider settings and prices in the admin: a key goes in, and nothing of it comes out again."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from common.secrets import Secret
from executions.models import ModelPrice, ProviderSetting
from ledger.models import LedgerEvent
from tests.conftest import make_user

pytestmark = pytest.mark.django_db

KEY = "sk-sentinel-0123456789-abcdefghijklmnop"
LIST = "/admin/executions/providersetting/"
PRICES = "/admin/executions/modelprice/"
FORM = {
    "environment": "tst", "name": "vllm", "adapter": "compatible", "model": "m-1", "is_default": "on", "key": KEY,
    "base_url": "https://models.example/v1", "params": '{"temperature": 0.1}',
}  # fmt: skip


@pytest.fixture
def office(admin: Any, settings: Any) -> Client:
    settings.ENCRYPTION_KEYS = [Secret("k" * 32)]
    client = Client()
    client.force_login(admin.user)
    return client


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return {name: list(said) for name, said in answer.context["adminform"].form.errors.items()}


def change(office: Client, row: ProviderSetting, **fields: Any) -> Any:
    form = {name: value for name, value in FORM.items() if name not in ("environment", "name", "key")}
    return office.post(f"{LIST}{row.pk}/change/", {**form, "key": "", **fields})


def test_a_key_goes_in_and_nothing_of_it_is_shown_again(office):
    assert office.post(f"{LIST}add/", FORM).status_code == 302
    row = ProviderSetting.objects.get()
    assert (row.environment, row.name, row.model, row.params, row.key().reveal()) == (
        "tst", "vllm", "m-1", {"temperature": 0.1}, KEY)  # fmt: skip
    assert [event.action for event in LedgerEvent.objects.all()] == ["provider_created"]
    assert LedgerEvent.objects.get().actor == "admin"
    pages = [LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/", f"{LIST}{row.pk}/delete/",
             "/admin/ledger/ledgerevent/", "/admin/"]  # fmt: skip
    for page in pages:
        answer = office.get(page)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert KEY not in text
        assert KEY[-8:] not in text
        assert row.sealed_key not in text
    assert "encrypted under key" in office.get(f"{LIST}{row.pk}/change/").content.decode()
    assert KEY not in "".join(entry.change_message + entry.object_repr for entry in LogEntry.objects.all())


def test_an_empty_field_keeps_the_key_a_tick_removes_it(office):
    office.post(f"{LIST}add/", FORM)
    row = ProviderSetting.objects.get()
    assert change(office, row, model="m-2").status_code == 302
    row.refresh_from_db()
    assert (row.model, row.key().reveal()) == ("m-2", KEY)
    assert change(office, row, model="m-2", remove_key="on").status_code == 302
    row.refresh_from_db()
    assert (row.sealed_key, row.key_set_at) == ("", None)


def test_a_new_address_asks_for_the_key_again(office):
    office.post(f"{LIST}add/", FORM)
    row = ProviderSetting.objects.get()
    events = LedgerEvent.objects.count()
    answer = change(office, row, base_url="https://elsewhere.example/v1")
    assert errors(answer) == {
        "key": ["The key would be sent to another address than it was given for: enter it again, or remove it."]
    }
    row.refresh_from_db()
    assert (row.base_url, row.key().reveal(), LedgerEvent.objects.count()) == (FORM["base_url"], KEY, events)
    assert change(office, row, base_url="https://elsewhere.example/v1", key="sk-new").status_code == 302
    row.refresh_from_db()
    assert (row.base_url, row.key().reveal()) == ("https://elsewhere.example/v1", "sk-new")


def test_without_an_encryption_key_none_is_taken(office, settings):
    settings.ENCRYPTION_KEYS = []
    said = errors(office.post(f"{LIST}add/", FORM))
    assert list(said) == ["key"]
    assert "PROMPTLEDGER_ENCRYPTION_KEY" in said["key"][0]
    assert ProviderSetting.objects.count() == 0
    assert office.post(f"{LIST}add/", {**FORM, "key": ""}).status_code == 302


def test_a_key_that_cannot_be_read_is_no_500_but_a_sentence(office, settings):
    office.post(f"{LIST}add/", FORM)
    settings.ENCRYPTION_KEYS = [Secret("x" * 40)]
    row = ProviderSetting.objects.get()
    assert "cannot be read: it was encrypted under key" in office.get(f"{LIST}{row.pk}/change/").content.decode()
    assert office.get(LIST).status_code == 200


@pytest.mark.parametrize(("field", "value"), [
    ("base_url", "http://models.example/v1"), ("base_url", "https://user:secret@models.example"),
    ("base_url", "https://[oops"), ("base_url", "https://models.example/?key=1"), ("base_url", "file:///etc/passwd"),
    ("params", "{"), ("params", "[]"), ("params", '{"model": "x"}'), ("adapter", "nobody"), ("environment", "ret"),
    ("name", "No Name"), ("name", ""), ("model", "x" * 201), ("params", '{"a": ' + "[" * 90 + "]" * 90 + "}"),
])  # fmt: skip
def test_what_cannot_work_is_said_at_its_field(office, field, value):
    assert list(errors(office.post(f"{LIST}add/", {**FORM, field: value}))) == [field]
    assert (ProviderSetting.objects.count(), LedgerEvent.objects.count()) == (0, 0)


def test_a_name_is_taken_once_in_an_environment(office):
    office.post(f"{LIST}add/", FORM)
    assert errors(office.post(f"{LIST}add/", {**FORM, "is_default": ""}))
    assert office.post(f"{LIST}add/", {**FORM, "environment": "dev"}).status_code == 302
    assert ProviderSetting.objects.count() == 2


def test_a_second_default_takes_the_place_of_the_first(office):
    office.post(f"{LIST}add/", FORM)
    assert office.post(f"{LIST}add/", {**FORM, "name": "second"}).status_code == 302
    assert dict(ProviderSetting.objects.values_list("name", "is_default")) == {"vllm": False, "second": True}


def test_deleting_is_in_the_ledger(office):
    office.post(f"{LIST}add/", FORM)
    row = ProviderSetting.objects.get()
    assert office.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert LedgerEvent.objects.latest("id").action == "provider_deleted"
    assert ProviderSetting.objects.count() == 0


@pytest.mark.parametrize("role", ["viewer", "engineer", "manager"])
def test_only_an_admin_gets_there(role):
    client = Client()
    client.force_login(make_user(role, is_staff=True))
    for page in (LIST, f"{LIST}add/", PRICES, f"{PRICES}add/"):
        assert client.get(page).status_code == 403, page
    assert client.post(f"{LIST}add/", FORM).status_code == 403
    assert ProviderSetting.objects.count() == 0


def test_prices_are_made_changed_and_deleted_with_the_ledger(office):
    form = {"provider": "mine", "model": "m-*", "input_per_million": "1.5", "output_per_million": "3",
            "valid_from_0": "2026-01-01", "valid_from_1": "00:00:00"}  # fmt: skip
    assert office.post(f"{PRICES}add/", form).status_code == 302
    row = ModelPrice.objects.get()
    assert (row.input_per_million, row.output_per_million) == (Decimal("1.5"), Decimal(3))
    assert office.post(f"{PRICES}{row.pk}/change/", {**form, "input_per_million": "2"}).status_code == 302
    assert list(errors(office.post(f"{PRICES}{row.pk}/change/", {**form, "input_per_million": "-2"}))) == [
        "input_per_million"
    ]
    assert office.get(PRICES).status_code == 200
    assert office.post(f"{PRICES}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    actions = LedgerEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["price_created", "price_changed", "price_deleted"]
