"""Many clients at once: one wins, the others are told so, and nothing is there twice."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from agents.models import Agent
from ledger.models import LedgerEvent
from tests.conftest import Api
from tests.factories import make_agent, make_prompt, make_version
from versions.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 8


@pytest.fixture
def all_at_once(manager: Any) -> Callable[..., list[Any]]:
    """Send one request from several clients at the same moment; returns the answers."""

    def sent(method: str, path: str, body: Any = None) -> list[Any]:
        start = Barrier(CLIENTS)

        def one(_: int) -> Any:
            api = Api(manager.user)
            start.wait()
            try:
                return api(method, path, body)
            finally:
                connection.close()

        with ThreadPoolExecutor(CLIENTS) as clients:
            return list(clients.map(one, range(CLIENTS)))

    return sent


def statuses(answers: list[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/agents", {"name": "new"}), ("/prompts", {"name": "new", "template_source": "x"}),
     ("/prompts", {"agent": "Stan", "template_source": "x"})],
)  # fmt: skip
def test_one_of_many_equal_creations_wins(path: str, body: dict[str, Any], all_at_once: Any):
    make_agent(name="Stan")
    found = statuses(all_at_once("POST", path, body))
    assert found.pop(201) == 1
    assert set(found) <= {400, 409}
    made = (Agent.objects.exclude(name="Stan").count(), Prompt.objects.count(), PromptVersion.objects.count())
    assert made == ((1, 0, 0) if path == "/agents" else (0, 1, 1))
    assert LedgerEvent.objects.count() == (2 if path == "/agents" else 3)


def test_equal_puts_of_a_new_name_all_succeed_and_make_one_draft(all_at_once: Any):
    answers = all_at_once("PUT", "/prompts/p", {"template_source": "x"})
    assert statuses(answers) == {201: 1, 200: CLIENTS - 1}
    assert Counter(answer.json()["version_change"] for answer in answers) == {"created": 1, "unchanged": CLIENTS - 1}
    assert (PromptVersion.objects.get().version, LedgerEvent.objects.count()) == (1, 2)


def test_of_many_equal_promotions_one_wins_and_the_others_are_late(all_at_once: Any):
    make_version("TST", name="p")
    answers = all_at_once("POST", "/prompts/p/versions/1/promote", {"to": "PRD"})
    assert statuses(answers) == {200: 1, 409: CLIENTS - 1}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"stale"}
    assert LedgerEvent.objects.filter(action="promoted", to_stage="PRD").count() == 1


def test_new_versions_at_once_get_a_number_each(all_at_once: Any):
    make_prompt(name="p")
    answers = all_at_once("POST", "/prompts/p/versions", {})
    assert statuses(answers) == {201: CLIENTS}
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, CLIENTS + 2))


def test_of_many_deletions_one_wins(all_at_once: Any):
    make_prompt(name="p")
    found = statuses(all_at_once("DELETE", "/prompts/p/versions/1"))
    assert found == {204: 1, 404: CLIENTS - 1}
    assert LedgerEvent.objects.filter(action="deleted").count() == 1


def test_rollbacks_at_once_leave_one_version_in_production(all_at_once: Any):
    make_version("RET", name="p")
    answers = all_at_once("POST", "/prompts/p/rollback", {"to": "v1.0", "reason": "x"})
    assert statuses(answers) == {201: CLIENTS}
    assert PromptVersion.objects.filter(stage="PRD").count() == 1
