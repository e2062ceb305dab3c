"""Who answers in which environment: rows of the admin, else environment variables, else offline (SPEC 6)."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection

from common.errors import BadInput
from common.secrets import Secret
from executions.models import ProviderSetting
from executions.providers import Answer, ProviderError, for_environment
from executions.providers.answers import RESERVED
from ledger.models import LedgerEvent
from promptledger import provider_settings
from tests.factories import TESTER
from tests.live_llm import KEY

pytestmark = pytest.mark.django_db


class Echo:
    """An adapter of somebody else's, by dotted path."""

    name = "echo"
    needs_setup = True

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def complete(self, prompt: Any, **asked: Any) -> Answer:
        said = f"{self.connection.name} {self.connection.base_url} {self.connection.key.reveal()} {asked['model']}"
        return Answer(said, 1, 2)


@pytest.fixture(autouse=True)
def adapters(settings):
    settings.PROVIDERS = {**settings.PROVIDERS, "echo": "tests.providers.test_settings.Echo", "lost": "no.such.Thing"}
    settings.ENCRYPTION_KEYS = [Secret("k" * 32)]


def make(environment: str = "dev", name: str = "mine", **fields: Any) -> ProviderSetting:
    fields = {"adapter": "echo", "model": "m-1", "base_url": "https://models.example/v1", "key": Secret(KEY), **fields}
    return ProviderSetting.create(by=TESTER, environment=environment, name=name, **fields)


def chosen(environment: str = "dev", **asked: Any) -> tuple[str, str, dict[str, Any]]:
    found = for_environment(environment, **asked)
    return found.name, found.model, found.params


def said(environment: str = "dev", **asked: Any) -> str:
    found = for_environment(environment, **asked)
    return found.provider.complete("x", model=found.model, params=found.params).text


def refusal(environment: str = "dev", **asked: Any) -> str:
    with pytest.raises(ProviderError) as caught:
        said(environment, **asked)
    assert (caught.value.code, caught.value.status) == ("provider_not_configured", 502)
    return caught.value.detail.partition(" An admin")[0]


def test_where_nothing_is_set_up_offline_stands_in_whatever_the_version_wants():
    assert chosen() == ("offline", "gpt-4o-mini", {})
    config = {"provider": "openai", "model": "m-9", "temperature": 0.5}
    assert chosen(config=config) == ("offline", "m-9", {"temperature": 0.5})


def test_a_row_answers_in_its_environment_and_prds_in_ret():
    make("prd")
    assert chosen("prd") == chosen("ret") == ("mine", "m-1", {})
    assert chosen("dev") == chosen("tst") == ("offline", "gpt-4o-mini", {})
    assert said("ret") == f"mine https://models.example/v1 {KEY} m-1"


def test_the_run_goes_before_the_version_before_the_row_before_the_default():
    make(params={"temperature": 0.1, "top_p": 0.1, "seed": 1})
    make(name="other", is_default=False, model="")
    config = {"model": "m-2", "temperature": 0.2, "top_p": 0.2}
    assert chosen() == ("mine", "m-1", {"temperature": 0.1, "top_p": 0.1, "seed": 1})
    assert chosen(config=config) == ("mine", "m-2", {"temperature": 0.2, "top_p": 0.2, "seed": 1})
    asked = {"provider": "other", "model_name": "m-3", "params": {"temperature": 0.3}}
    assert chosen(config=config, **asked) == ("other", "m-3", {"temperature": 0.3, "top_p": 0.2})
    assert chosen(config={"provider": "other"}) == ("other", "gpt-4o-mini", {})
    assert chosen(config={"provider": "mine", "model": "m-2"}, provider="other") == ("other", "gpt-4o-mini", {}), (
        "a version's model is one of its own provider's"
    )
    assert chosen(provider="offline")[0] == chosen(config={"provider": "offline"})[0] == "offline"


def test_what_exists_and_is_not_set_up_says_so_when_it_is_asked():
    assert refusal(provider="openai") == "The provider 'openai' is not set up for DEV."
    assert refusal(provider="echo") == "The provider 'echo' is not set up for DEV."
    make()
    assert refusal(config={"provider": "openai"}) == "The provider 'openai' is not set up for DEV."
    make(name="broken", adapter="lost", is_default=False)
    assert refusal(provider="broken").startswith("The adapter 'no.such.Thing' of provider 'broken' cannot be loaded")
    make(name="keyless", adapter="openai", base_url="", key=None, is_default=False)
    assert refusal(provider="keyless") == "The provider 'keyless' has no API key."
    make(name="placeless", adapter="compatible", base_url="", key=None, is_default=False)
    assert refusal(provider="placeless") == "The provider 'placeless' has no base URL."


@pytest.mark.parametrize("asked", [{"provider": "nobody"}, {"model_name": "x" * 201}, {"params": []}, {"params": "x"},
                                   {"config": {"model": ["x"]}}, *({"params": {name: 1}} for name in sorted(RESERVED))])  # fmt: skip
def test_bad_input_is_refused(asked):
    with pytest.raises(BadInput):
        for_environment("dev", **asked)


def test_what_steers_the_request_is_left_out_of_a_versions_config():
    config = {**dict.fromkeys(RESERVED, "x"), "provider": None, "model": "m", "temperature": 1}
    assert chosen(config=config) == ("offline", "m", {"temperature": 1})


def test_a_key_is_stored_sealed_and_every_change_is_in_the_ledger_without_it():
    row = make()
    row = row.change(by=TESTER, model="m-2")
    row = row.change(by=TESTER, key=Secret("sk-another-key-0123456789"))
    row = row.change(by=TESTER, remove_key=True)
    row.remove(by=TESTER)
    chain = row.ledger_chain
    events = LedgerEvent.objects.filter(chain=chain).order_by("sequence").values_list("action", "detail")
    here = {"environment": "dev", "name": "mine"}
    assert list(events) == [
        ("provider_created", {**here, "adapter": "echo", "model": "m-1", "base_url": "https://models.example/v1",
                              "params": {}, "is_default": True, "key": "set"}),
        ("provider_changed", {**here, "changes": {"model": {"from": "m-1", "to": "m-2"}}, "key": "kept"}),
        ("provider_changed", {**here, "changes": {}, "key": "changed"}),
        ("provider_changed", {**here, "changes": {}, "key": "removed"}),
        ("provider_deleted", here),
    ]  # fmt: skip


def test_the_same_again_changes_and_logs_nothing():
    row = make()
    events = LedgerEvent.objects.count()
    row.change(by=TESTER, model="m-1", params={}, base_url=row.base_url)
    assert LedgerEvent.objects.count() == events


def test_a_new_default_takes_the_place_of_the_old_one():
    old, new = make(), make(name="new")
    assert [row.is_default for row in (ProviderSetting.objects.get(pk=old.pk), new)] == [False, True]
    old.change(by=TESTER, is_default=True)
    assert list(ProviderSetting.objects.of("dev").values_list("name", "is_default")) == [("mine", True), ("new", False)]
    assert chosen()[0] == "mine"


def test_the_only_one_answers_though_nobody_made_it_the_default():
    make(is_default=False)
    assert chosen()[0] == "mine"


@pytest.mark.parametrize("fields", [
    {"base_url": "https://elsewhere.example/v1"}, {"base_url": ""}, {"adapter": "openai"},
    {"base_url": "https://models.example:443/v1"},
])  # fmt: skip
def test_a_key_is_not_sent_to_another_address_than_it_was_given_for(fields):
    row = make()
    with pytest.raises(ValidationError, match="enter it again"):
        row.change(by=TESTER, **fields)
    assert (ProviderSetting.objects.get(pk=row.pk).base_url, said()) == (
        "https://models.example/v1", f"mine https://models.example/v1 {KEY} m-1")  # fmt: skip
    assert row.change(by=TESTER, key=Secret("new-key"), **fields).key().reveal() == "new-key"


def test_not_even_by_changing_the_address_in_the_database():
    row = make()
    ProviderSetting.objects.filter(pk=row.pk).update(base_url="https://evil.example/v1")
    assert refusal() == (
        "The API key of provider 'mine' cannot be read: it was changed in the database, or copied there from another row."
    )


@pytest.mark.parametrize("fields", [
    {"adapter": "nothing"}, {"base_url": "http://models.example/v1"}, {"base_url": "https://u:p@models.example/"},
    {"base_url": "https://models.example/v1?key=1"}, {"base_url": "ftp://models.example"}, {"base_url": "models"},
    {"base_url": "https://models.example:22/"}, {"params": []}, {"params": {"model": "x"}}, {"name": "Ä b"},
    {"environment": "ret"}, {"base_url": "https://exa\x00mple"}, {"name": ""},
])  # fmt: skip
def test_what_cannot_work_is_not_stored(fields):
    with pytest.raises(ValidationError):
        make(**fields)
    assert (ProviderSetting.objects.count(), LedgerEvent.objects.count()) == (0, 0)


def test_without_an_encryption_key_no_key_is_taken_and_none_is_read(settings):
    row = make()
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="PROMPTLEDGER_ENCRYPTION_KEY"):
        make(name="second")
    assert refusal().startswith("The API key of provider 'mine' cannot be read: it was encrypted under key ")
    settings.ENCRYPTION_KEYS = [Secret("another key, and long enough too")]
    assert "which PROMPTLEDGER_ENCRYPTION_KEY does not hold" in refusal()
    assert ProviderSetting.objects.get(pk=row.pk).sealed_key == row.sealed_key


def test_the_raw_table_holds_no_key():
    make()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM provider_settings")
        raw = repr(cursor.fetchall())
    assert "models.example" in raw
    assert KEY not in raw


VARIABLES = {
    "PROMPTLEDGER_PROVIDER": "openai",
    "PROMPTLEDGER_PROVIDER_API_KEY": "general-key",
    "PROMPTLEDGER_PROVIDER_MODEL": "gpt-4o",
}


def test_variables_hold_for_all_environments_and_one_for_its_own():
    read = provider_settings.read({**VARIABLES, "PROMPTLEDGER_TST_PROVIDER_MODEL": "gpt-4o-mini"})
    assert {name: (one["name"], one["model"], one["key"].reveal()) for name, one in read.items()} == {
        "dev": ("openai", "gpt-4o", "general-key"),
        "tst": ("openai", "gpt-4o-mini", "general-key"),
        "prd": ("openai", "gpt-4o", "general-key"),
    }


@pytest.mark.parametrize("own", [{"PROMPTLEDGER_PRD_PROVIDER": "anthropic"},
                                 {"PROMPTLEDGER_PRD_PROVIDER": "compatible",
                                  "PROMPTLEDGER_PRD_PROVIDER_BASE_URL": "https://models.example/v1"}])  # fmt: skip
def test_the_general_key_does_not_go_to_another_provider_or_address(own):
    read = provider_settings.read({**VARIABLES, **own})
    assert (read["dev"]["key"].reveal(), bool(read["prd"]["key"]), read["prd"]["model"]) == ("general-key", False, "")


def test_an_address_of_its_own_without_a_provider_is_no_setting():
    read = provider_settings.read({**VARIABLES, "PROMPTLEDGER_PRD_PROVIDER_BASE_URL": "https://models.example/v1"})
    assert sorted(read) == ["dev", "tst"]


@pytest.mark.parametrize("text", ["x", "[]", "1"])
def test_parameters_that_are_no_object_are_named_at_the_start(text):
    with pytest.raises(ImproperlyConfigured, match="PARAMS"):
        provider_settings.read({**VARIABLES, "PROMPTLEDGER_PROVIDER_PARAMS": text})


def test_rows_take_the_place_of_variables(settings):
    settings.PROVIDER_ENVIRONMENT = provider_settings.read({**VARIABLES, "PROMPTLEDGER_PROVIDER": "echo"})
    assert chosen()[:2] == ("echo", "gpt-4o")
    make()
    assert chosen()[:2] == ("mine", "m-1")
    assert chosen("tst")[:2] == ("echo", "gpt-4o")


def test_an_offline_environment_can_be_named(settings):
    settings.PROVIDER_ENVIRONMENT = provider_settings.read({**VARIABLES, "PROMPTLEDGER_DEV_PROVIDER": "offline"})
    assert (chosen()[0], chosen("tst")[0]) == ("offline", "openai")


def test_an_answer_of_another_adapter_is_priced_too():
    from executions.models import ModelPrice

    make()
    found = for_environment("dev")
    assert found.provider.complete("x", model="m-1", params={}).cost_usd is None
    ModelPrice.create(by=TESTER, provider="mine", model="m-*", input_per_million=3, output_per_million=Decimal("1.5"))
    assert found.provider.complete("x", model="m-1", params={}).cost_usd == Decimal("0.000006")
