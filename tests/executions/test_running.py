"""TEST: what is run, what is kept, and what is refused with nothing kept (S0-28, S0-52, S0-53; SPEC 6)."""

import html
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common.errors import BadInput, Forbidden, NotFound
from executions import running
from executions.models import Execution
from executions.providers import Answer, ProviderError
from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt, make_version
from versions.actions import perform
from versions.content import chat_text
from versions.exceptions import LifecycleError, StaleView
from versions.models import PromptVersion
from versions.seen import ANYTHING, Seen

pytestmark = pytest.mark.django_db


class Loud:
    """A provider that says more than is kept."""

    name = "loud"

    def complete(self, prompt: Any, **asked: Any) -> Answer:
        return Answer("ä" * 300_000, 1, 2, Decimal("0.5"))


class Broken:
    """A provider that does not answer."""

    name = "broken"

    def complete(self, prompt: Any, **asked: Any) -> Answer:
        raise ProviderError("It did not answer within 30 s.", code="timeout")


@pytest.fixture
def providers(settings):
    here = "tests.executions.test_running"
    settings.PROVIDERS = {**settings.PROVIDERS, "loud": f"{here}.Loud", "broken": f"{here}.Broken"}


@pytest.mark.parametrize(("stage", "environment"), [("DEV", "dev"), ("TST", "tst"), ("PRD", "prd"), ("RET", "ret")])
def test_runs_the_saved_text_in_the_environment_of_the_stage(engineer, stage, environment):
    version = make_version(stage)
    events = LedgerEvent.objects.count()
    run = perform("test", version, by=engineer, seen=Seen.of(version), variables={"name": "Bo"})
    kept = Execution.objects.get(pk=run.pk)
    assert (kept.environment, kept.rendered_prompt, kept.response_text) == (environment, "Hello Bo!", "Hello Bo!")
    assert (kept.label, kept.template_hash, kept.content_hash) == (
        version.label,
        version.checksum_hash,
        version.content_hash,
    )
    assert (kept.status, kept.provider, kept.is_test, kept.attempts, kept.mode) == (
        "succeeded",
        "offline",
        True,
        1,
        "sync",
    )
    assert (kept.cost_usd, kept.created_by, kept.model_name) == (Decimal(0), "engineer", "gpt-4o-mini")
    assert kept.latency_ms is not None
    assert PromptVersion.objects.get(pk=version.pk).stage == stage
    assert LedgerEvent.objects.count() == events


def test_tests_what_was_saved_last(engineer):
    version = make_version("DEV")
    version.edit(by=TESTER, seen=ANYTHING, template_source="Newer {{ name }}")
    assert running.run_test(version, by=engineer, seen=ANYTHING, variables={"name": "x"}).response_text == "Newer x"


def test_a_chat_answers_with_its_last_message(engineer):
    text = chat_text([{"role": "system", "content": "S"}, {"role": "user", "content": "{{ q }}"}])
    version = make_prompt(type="chat", template_source=text).versions.get()
    run = running.run_test(version, by=engineer, seen=ANYTHING, variables={"q": "Why?"})
    assert run.response_text == "Why?"
    assert '"role": "system"' in run.rendered_prompt


def test_config_names_the_model_and_the_call_may_name_another(engineer):
    version = make_version("DEV").edit(
        by=TESTER, seen=ANYTHING, config={"model": "m1", "provider": "p", "temperature": 0.2, "top_p": 1}
    )
    run = running.run_test(version, by=engineer, seen=ANYTHING, variables={"name": ""})
    assert (run.model_name, run.params) == ("m1", {"temperature": 0.2, "top_p": 1})
    run = running.run_test(
        version, by=engineer, seen=ANYTHING, variables={"name": ""}, model_name="m2", params={"top_p": 0}
    )
    assert (run.model_name, run.params) == ("m2", {"temperature": 0.2, "top_p": 0})


@pytest.mark.parametrize(
    "bad",
    [{}, {"variables": {}}, {"variables": []}, {"variables": {"name": "x"}, "provider": "nobody"},
     {"variables": {"name": "x"}, "params": []}, {"variables": {"name": "x"}, "model_name": "m" * 201}],
)  # fmt: skip
def test_bad_input_keeps_nothing(engineer, bad):
    with pytest.raises(BadInput):
        running.run_test(make_version("DEV"), by=engineer, seen=ANYTHING, **bad)
    assert Execution.objects.count() == 0


def test_a_late_press_keeps_nothing(engineer):
    version = make_version("DEV")
    seen = Seen.of(version)
    version.edit(by=TESTER, seen=ANYTHING, template_source="Other")
    with pytest.raises(StaleView):
        perform("test", version, by=engineer, seen=seen)
    assert Execution.objects.count() == 0


def test_a_viewer_may_not(viewer):
    with pytest.raises(Forbidden):
        perform("test", make_version("DEV"), by=viewer, seen=ANYTHING, variables={"name": "x"})
    assert Execution.objects.count() == 0


def test_a_failed_provider_is_a_502_and_the_run_is_kept(engineer, providers):
    with pytest.raises(ProviderError) as failed:
        running.run_test(make_version("DEV"), by=engineer, seen=ANYTHING, variables={"name": "x"}, provider="broken")
    kept = Execution.objects.get()
    assert (failed.value.status, failed.value.data["execution_id"]) == (502, str(kept.pk))
    assert (kept.status, kept.error_type, kept.error_message) == ("failed", "timeout", "It did not answer within 30 s.")
    assert (kept.response_text, kept.latency_ms is not None) == (None, True)


def test_a_long_answer_is_cut_and_marked(engineer, providers):
    run = running.run_test(make_version("DEV"), by=engineer, seen=ANYTHING, variables={"name": "x"}, provider="loud")
    assert run.response_truncated
    assert len(run.response_text.encode()) <= running.RESPONSE_LIMIT
    assert set(run.response_text) == {"ä"}


def test_a_test_run_does_not_keep_a_draft_from_being_deleted_and_outlives_it(engineer):
    version = make_version("DEV")
    run = running.run_test(version, by=engineer, seen=ANYTHING, variables={"name": "Bo"})
    version.delete_draft(by=TESTER, seen=ANYTHING)
    kept = Execution.objects.get(pk=run.pk)
    assert (kept.version, kept.label, kept.rendered_prompt) == (None, "v1.0", "Hello Bo!")
    assert kept.template_hash == version.checksum_hash


@pytest.mark.parametrize("change", [{"is_test": False}, {"status": "queued"}, {"status": "running"}])
def test_a_draft_in_use_is_not_deleted(engineer, change):
    version = make_version("DEV")
    run = running.run_test(version, by=engineer, seen=ANYTHING, variables={"name": "Bo"})
    Execution.objects.filter(pk=run.pk).update(**change)
    events = LedgerEvent.objects.count()
    for remove in (lambda: version.delete_draft(by=TESTER, seen=ANYTHING), lambda: version.prompt.remove(by=TESTER)):
        with pytest.raises(LifecycleError) as refused:
            remove()
        assert refused.value.code == "in_use"
    assert PromptVersion.objects.filter(pk=version.pk).exists()
    assert LedgerEvent.objects.count() == events


def test_a_deleted_version_is_not_run(engineer):
    version = make_version("DEV")
    PromptVersion.objects.filter(pk=version.pk).delete()
    with pytest.raises(NotFound):
        running.run_test(version, by=engineer, seen=ANYTHING, variables={"name": "x"})


@pytest.mark.parametrize("change", [{"status": "done"}, {"environment": "xxx"}, {"response_text": None}])
def test_impossible_rows_are_refused_by_the_database(engineer, change):
    run = running.run_test(make_version("DEV"), by=engineer, seen=ANYTHING, variables={"name": "Bo"})
    with pytest.raises((IntegrityError, ValidationError)), transaction.atomic():
        Execution.objects.filter(pk=run.pk).update(**change)
    assert Execution.objects.get(pk=run.pk).status == "succeeded"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("surface", ["api", "page"])
def test_a_draft_that_is_deleted_while_its_test_begins_is_told_as_deleted(surface, api, page, monkeypatch):
    """It was "something else has this name" over the API, and a 500 on the page."""
    prompt = make_prompt(name="p", template_source="One")
    store = running._store

    def late(row: Execution) -> bool:
        prompt.versions.get().delete_draft(by=TESTER, seen=ANYTHING)
        return store(row)

    monkeypatch.setattr(running, "_store", late)
    if surface == "api":
        answer = api("POST", "/prompts/p/versions/v1.0/test", {})
    else:
        answer = page.post("/prompts/p/versions/v1.0/test/", {"seen_stage": "DEV", "seen_revision": "1"})
    assert answer.status_code == 404
    assert "v1.0 of 'p' was deleted in the meantime." in html.unescape(answer.content.decode())
    assert not Execution.objects.exists()
