"""Idempotency keys: the same request runs once, however often it is sent (SPEC 6; RELIABILITY 5, row 9)."""

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connections

from executions import leases
from executions.models import Execution, Status
from executions.providers import ProviderError
from tests.conftest import Api, make_person, make_user
from tests.factories import make_tracking_prompt, make_version

AT_ONCE = 20  # a PostgreSQL takes a hundred connections, and other tests run beside this one
BODY = {"prompt": "greet", "variables": {"name": "Bo"}, "idempotency_key": "k-1"}


@pytest.fixture
def greet(db: None) -> Any:
    return make_version("PRD", name="greet", template_source="Hello {{ name }}!").prompt


def post(api: Api, body: Any = None, path: str = "/executions/run", **headers: str) -> tuple[int, dict[str, Any]]:
    answer = api("POST", path, body or BODY, **headers)
    return answer.status_code, answer.json()


def test_the_same_body_gets_the_first_result_again(api, greet, scripted):
    body = {**BODY, "provider": "scripted"}
    first = post(api, body)
    assert first[0] == 200
    assert post(api, body) == first
    assert (Execution.objects.count(), len(scripted.asked)) == (1, 1)


def test_the_first_result_stays_when_something_else_is_live(api, greet):
    first = post(api)
    make_version("PRD", prompt=greet, template_source="New {{ name }}")
    assert post(api) == first
    assert post(api, {**BODY, "idempotency_key": "k-2"})[1]["response_text"] == "New Bo"


def test_the_order_of_keys_in_the_body_is_no_difference(api, greet):
    assert post(api, dict(reversed(BODY.items()))) == post(api)


@pytest.mark.parametrize(
    "change",
    [{"variables": {"name": "Al"}}, {"model_name": "m"}, {"params": {"top_p": 1}}, {"environment": "prd"},
     {"version": 1}, {"stage": "PRD"}, {"provider": "offline"}, {"expected_mode": "full"}],
)  # fmt: skip
def test_another_body_is_refused(api, greet, change):
    first = post(api)[1]
    status, said = post(api, {**BODY, **change})
    assert (status, said["code"], said["execution_id"]) == (422, "idempotency_key_reused", first["execution_id"])
    assert Execution.objects.count() == 1


def test_run_and_submit_are_not_the_same_request(api, greet):
    post(api)
    assert post(api, path="/executions/submit")[0] == 422


def test_another_correlation_id_is_no_other_request(api, greet):
    first = post(api, {**BODY, "correlation_id": "a"})
    assert post(api, {**BODY, "correlation_id": "b"}) == first


def test_the_header_says_the_same_as_the_body(api, greet):
    bare = {key: value for key, value in BODY.items() if key != "idempotency_key"}
    first = post(api, bare, **{"Idempotency-Key": "k-1"})
    assert post(api) == first
    assert first[1]["idempotency_key"] == "k-1"
    assert post(api, BODY, **{"Idempotency-Key": "k-2"})[0] == 400
    assert post(api, bare, **{"Idempotency-Key": "k" * 256})[0] == 400
    assert Execution.objects.count() == 1


def test_keys_are_a_prompt_s_own(api, greet):
    make_tracking_prompt(name="tracked")
    first = post(api)[1]
    other = post(api, {"variables": {"name": "Bo"}, "idempotency_key": "k-1"}, "/prompts/tracked/execute")[1]
    assert other["execution_id"] != first["execution_id"]


def test_a_failed_run_is_answered_as_it_was(api, greet, scripted):
    scripted.script = [ProviderError("It refused.", code="provider_refused")]
    body = {**BODY, "provider": "scripted"}
    first = post(api, body)
    assert first[0] == 502
    assert post(api, body) == first
    assert len(scripted.asked) == 1


def test_while_the_first_is_answered_a_second_is_told_so(api, greet):
    first = post(api)[1]
    Execution.objects.update(status=Status.RUNNING)
    status, said = post(api)
    assert (status, said["code"], said["execution_id"]) == (409, "in_flight", first["execution_id"])
    assert api("POST", "/executions/run", BODY)["Retry-After"] == "1"


def test_a_submitted_run_is_shown_as_it_stands(api, greet):
    queued = post(api, path="/executions/submit")[1]
    assert post(api, path="/executions/submit") == (200, queued)
    leases.cancel(Execution.objects.get().pk)
    status, said = post(api, path="/executions/submit")
    assert (status, said["status"], said["execution_id"]) == (200, "canceled", queued["execution_id"])


def test_without_a_key_each_request_runs(api, greet):
    body = {**BODY, "idempotency_key": ""}
    assert post(api, body)[1]["execution_id"] != post(api, body)[1]["execution_id"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/executions/run", "/executions/submit"])
def test_many_at_once_run_once(path):
    engineer = make_person(make_user("engineer"))
    make_version("PRD", name="greet", template_source="Hello {{ name }}!")
    together = threading.Barrier(AT_ONCE)
    answers: list[tuple[int, dict[str, Any]]] = []
    clients = [Api(engineer.user) for _ in range(AT_ONCE)]

    def send(api: Api) -> None:
        together.wait()
        try:
            answers.append(post(api, path=path))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(api,)) for api in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {200, 409}, answers
    assert sum(statuses.values()) == AT_ONCE
    assert statuses[200] >= 1
    assert {body["execution_id"] for _, body in answers} == {str(Execution.objects.get().pk)}
    assert len({body["response_text"] for status, body in answers if status == 200}) == 1
    if path.endswith("submit"):
        assert statuses == {200: AT_ONCE}
