"""Forms and histories that are a little off the usual."""

import pytest
from django.test import Client

from ledger.models import LedgerEvent
from tests.factories import TESTER, make_prompt
from versions.models import PromptVersion

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "cp1252"])
def test_a_form_in_another_encoding_is_refused(page, charset, checked):
    """Django's own refusal of it, a page with a form, reads the form again: it was a 500."""
    make_prompt(name="p", template_source="One")
    before = LedgerEvent.objects.count()
    client = Client(enforce_csrf_checks=checked, raise_request_exception=False)
    client.cookies = page.cookies
    for path in ("/prompts/p/versions/v1.0/edit/", "/login/", "/v1/prompts"):
        answer = client.post(path, b"a=1", content_type=f"{FORM}; charset={charset}")
        assert answer.status_code == 400, path
        assert "UTF-8" in answer.content.decode()
    assert (LedgerEvent.objects.count(), PromptVersion.objects.get().template_source) == (before, "One")


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "utf_8", "nonsense"])
def test_a_form_in_utf_8_is_taken_however_that_is_spelled(page, charset):
    make_prompt(name="p", template_source="One")
    body = "seen_stage=DEV&seen_revision=1&template_source=%C3%A9t%C3%A9&config="
    answer = page.generic("POST", "/prompts/p/versions/v1.0/edit/", body, f"{FORM}; charset={charset}")
    assert answer.status_code == 302
    assert PromptVersion.objects.get().template_source == "été"


def test_the_history_of_a_renamed_prompt_begins_where_it_began(page):
    prompt = make_prompt(name="before", template_source="One").change(by=TESTER, name="after")
    other = make_prompt(name="before", template_source="Other")
    shown = page.get("/prompts/after/history/").context["page"].object_list
    assert {event.prompt_id for event in shown} == {prompt.pk}
    assert [event.action for event in shown] == ["prompt_changed", "created", "prompt_created"]
    assert {event.prompt_id for event in page.get("/prompts/before/history/").context["page"].object_list} == {other.pk}
