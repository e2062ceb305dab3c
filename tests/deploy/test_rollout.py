"""Rollouts on ECS: each way one can go ends with a task definition and an exit code (S3-20, S3-21; RELIABILITY 4.8)."""

import pytest
from botocore.exceptions import ConnectTimeoutError

from deploy.aws.calls import NoAnswerFromAWS
from deploy.aws.ending import Exit, Refused
from deploy.aws.rollout import Rollout
from deploy.aws.services import State, judge
from tests.deploy.fake_ecs import IMAGES, NEW, OLD, FakeECS, refusal

BOTH = ["web", "worker"]


@pytest.fixture
def said() -> list[str]:
    return []


def deploy(ecs: FakeECS, said: list[str], names: list[str] | None = None, image: str = NEW, migrate: str = "") -> Exit:
    rollout = Rollout(ecs.client(), "prod", seconds=600, say=said.append)
    return rollout.deploy(names or BOTH, image, migrate)


def back(ecs: FakeECS, said: list[str], image: str = NEW) -> Exit:
    return Rollout(ecs.client(), "prod", seconds=600, say=said.append).rollback(BOTH, image)


def finals(ecs: FakeECS) -> set[str]:
    return {ecs.final(name) for name in ecs.services}


def test_stable(said):
    ecs = FakeECS(*BOTH)
    assert deploy(ecs, said) == Exit.WELL
    assert finals(ecs) == {NEW}
    for name in BOTH:
        definition = ecs.definitions[ecs.services[name].deployments[0].task_definition]
        assert [one["image"] for one in definition["containerDefinitions"]] == [NEW, "public.ecr.aws/agent:3"]
        assert (definition["cpu"], definition["networkMode"]) == ("512", "awsvpc")


def test_tags_and_the_services_own_configuration_stay_and_the_circuit_breaker_is_on(said):
    ecs = FakeECS("web")
    deploy(ecs, said, ["web"])
    assert ecs.made("register_task_definition")[0]["tags"] == [{"key": "team", "value": "a"}]
    assert ecs.services["web"].configuration == {
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
    }


def test_a_second_run_of_the_same_deployment_changes_nothing(said):
    ecs = FakeECS(*BOTH)
    deploy(ecs, said)
    ecs.calls.clear()
    assert deploy(ecs, said) == Exit.WELL
    assert {called for called, _ in ecs.calls} == {"describe_services", "describe_task_definition"}


def test_the_circuit_breaker_trips_and_ecs_goes_back_by_itself(said):
    ecs = FakeECS(*BOTH, fates={NEW: "broken"})
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}
    assert any("circuit breaker" in line for line in said)


def test_a_failed_deployment_that_ecs_does_not_take_back_is_taken_back_by_us(said):
    ecs = FakeECS("web", fates={NEW: "broken"})
    service = ecs.services["web"]
    service.completed.clear()  # nothing that ECS itself would go back to; we saw what was COMPLETED
    assert deploy(ecs, said, ["web"]) == Exit.BACK
    assert ecs.final("web") == OLD


def test_one_of_two_fails_and_both_go_back(said):
    """Half-failed: the web runs the new image, the worker cannot."""
    ecs = FakeECS(*BOTH)
    ecs.refuse["update_service"] = [None, refusal("InvalidParameterException")]
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}
    assert ecs.services["web"].completed[-1][0] > 0  # back by a deployment of its own


def test_one_of_two_never_starts_all_its_tasks_and_both_go_back(said):
    ecs = FakeECS(*BOTH, fates={NEW: "half"})
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}
    assert any("1 of 2 run" in line for line in said)


def test_timeout(said):
    ecs = FakeECS(*BOTH, fates={NEW: "hanging"})
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}
    assert "Not stable after 600 seconds." in said


def test_throttled_calls_are_made_again(said):
    ecs = FakeECS(*BOTH)
    throttled = refusal("ThrottlingException")
    for operation in ("describe_services", "register_task_definition", "update_service"):
        ecs.refuse[operation] = [throttled] * 3
    assert deploy(ecs, said) == Exit.WELL
    assert finals(ecs) == {NEW}


def test_throttled_from_the_start_changes_nothing(said):
    ecs = FakeECS(*BOTH)
    ecs.refuse["describe_services"] = [refusal("ThrottlingException", "DescribeServices")] * 99
    with pytest.raises(NoAnswerFromAWS, match="ThrottlingException"):
        deploy(ecs, said)
    assert {called for called, _ in ecs.calls} == {"describe_services"}
    assert finals(ecs) == {OLD}


def test_throttled_for_good_in_the_middle_goes_back(said):
    ecs = FakeECS(*BOTH)
    ecs.refuse["register_task_definition"] = [None, *[refusal("ThrottlingException")] * 10]
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}


def test_throttled_on_the_way_back_somebody_has_to_look(said):
    ecs = FakeECS(*BOTH, fates={NEW: "hanging"})
    ecs.refuse["update_service"] = [None, None, *[refusal("ThrottlingException")] * 99]
    assert deploy(ecs, said) == Exit.ASTRAY


def test_what_does_not_become_stable_on_the_way_back_either_is_for_somebody_to_look_at(said):
    ecs = FakeECS("web", fates={NEW: "hanging"})
    ecs.meanwhile = lambda: ecs.fates.update({OLD: "hanging"})
    assert deploy(ecs, said, ["web"]) == Exit.ASTRAY


def test_half_failed_with_answers_that_are_old(said):
    """The web's update is under way, though ECS still describes what was before: it is taken back all the same."""
    ecs = FakeECS(*BOTH, shows_after=30)
    ecs.refuse["update_service"] = [None, refusal("InvalidParameterException")]
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}


def one(task_definition: str, state: str, running: int = 2, status: str = "PRIMARY") -> dict:
    return {"status": status, "taskDefinition": task_definition, "rolloutState": state, "runningCount": running,
            "desiredCount": 2}  # fmt: skip


@pytest.mark.parametrize(
    ("deployments", "seen", "state"),
    [
        ([one("new", "COMPLETED")], True, State.STABLE),
        ([one("new", "COMPLETED", 1)], True, State.UNDER_WAY),
        ([one("new", "IN_PROGRESS")], True, State.UNDER_WAY),
        ([one("new", "FAILED")], True, State.FAILED),
        ([one("old", "IN_PROGRESS"), one("new", "FAILED", 0, "ACTIVE")], False, State.FAILED),
        ([one("old", "COMPLETED")], True, State.FAILED),
        ([one("old", "COMPLETED")], False, State.UNDER_WAY),
        ([one("other", "COMPLETED")], False, State.OVERTAKEN),
        ([], True, State.OVERTAKEN),
    ],
)
def test_what_ecs_says_of_a_rollout(deployments, seen, state):
    assert judge({"deployments": deployments}, "new", {"old"}, seen=seen)[0] is state


def test_a_broken_connection_is_tried_again(said):
    ecs = FakeECS("web")
    ecs.refuse["describe_services"] = [ConnectTimeoutError(endpoint_url="ecs")]
    assert deploy(ecs, said, ["web"]) == Exit.WELL


def test_a_lost_answer_to_the_update_is_taken_for_a_yes(said, monkeypatch):
    """ECS did it, and nobody was told: what goes back must include it."""
    ecs = FakeECS("web")
    real, lost = FakeECS.do_update_service, [refusal("AccessDeniedException")]

    def update(self, **arguments):
        answer = real(self, **arguments)
        if lost:
            raise lost.pop()
        return answer

    monkeypatch.setattr(FakeECS, "do_update_service", update)
    assert deploy(ecs, said, ["web"]) == Exit.BACK
    assert ecs.final("web") == OLD


def test_answers_older_than_the_update_are_no_failure(said):
    ecs = FakeECS(*BOTH, shows_after=25)
    assert deploy(ecs, said) == Exit.WELL
    assert any("does not show it yet" in line for line in said)


def test_answers_older_than_the_way_back_do_not_end_it(said):
    ecs = FakeECS(*BOTH, fates={NEW: "hanging"}, shows_after=15)
    assert deploy(ecs, said) == Exit.BACK
    assert finals(ecs) == {OLD}


def test_who_is_overtaken_does_not_undo_the_other(said):
    other = f"{IMAGES}@sha256:{'c' * 64}"
    ecs = FakeECS("web", fates={NEW: "hanging", other: "stable"})

    def somebody_else() -> None:
        if ecs.seconds > 100 and other not in map(ecs.image_of, ecs.definitions):
            ecs.begin(ecs.services["web"], ecs.define("promptledger-web", other))

    ecs.meanwhile = somebody_else
    assert deploy(ecs, said, ["web"]) == Exit.ASTRAY
    assert ecs.final("web") == other


def test_a_first_deployment_that_fails_has_nothing_to_go_back_to(said):
    ecs = FakeECS("web", fates={NEW: "broken", OLD: "hanging"})
    service = ecs.services["web"]
    service.completed.clear()
    service.deployments[0].state = "IN_PROGRESS"
    service.deployments[0].fate = "hanging"
    assert deploy(ecs, said, ["web"]) == Exit.ASTRAY
    assert any("nothing to go back to" in line for line in said)


def test_a_deployment_over_one_that_hangs_goes_back_to_the_last_completed_one(said):
    stuck = f"{IMAGES}@sha256:{'d' * 64}"
    ecs = FakeECS("web", fates={NEW: "hanging", stuck: "hanging"})
    service = ecs.services["web"]
    service.deployments = []
    ecs.begin(service, ecs.define("promptledger-web", stuck))
    assert deploy(ecs, said, ["web"]) == Exit.BACK
    assert ecs.final("web") == OLD


@pytest.mark.parametrize(
    ("image", "names", "why"),
    [
        (f"{IMAGES}:latest", BOTH, "not named by its digest"),
        (f"{IMAGES}@sha256:short", BOTH, "not named by its digest"),
        (f"elsewhere.example/promptledger@sha256:{'b' * 64}", BOTH, "No container"),
        (NEW, ["web", "nobody"], "no active service 'nobody'"),
    ],
)
def test_what_cannot_be_begun_changes_nothing(said, image, names, why):
    ecs = FakeECS(*BOTH)
    with pytest.raises(Refused, match=why):
        deploy(ecs, said, names, image)
    assert not ecs.made("register_task_definition")
    assert not ecs.made("update_service")


def test_other_ways_of_rolling_out_are_refused(said):
    ecs = FakeECS("web")
    shown = ecs.shown
    ecs.shown = lambda service: {**shown(service), "deploymentController": {"type": "CODE_DEPLOY"}}
    with pytest.raises(Refused, match="CODE_DEPLOY"):
        deploy(ecs, said, ["web"])


# migrations


def test_migrations_run_once_before_with_the_new_image_in_the_services_network(said):
    ecs = FakeECS(*BOTH)
    assert deploy(ecs, said, migrate="promptledger-migrate") == Exit.WELL
    (run,) = ecs.made("run_task")
    assert ecs.image_of(run["taskDefinition"]) == NEW
    assert run["networkConfiguration"] == {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    assert run["overrides"]["containerOverrides"][0]["command"] == ["migrate"]
    order = [called for called, _ in ecs.calls if called in ("run_task", "update_service")]
    assert order == ["run_task", "update_service", "update_service"]


@pytest.mark.parametrize("codes", [[1], [0, 1], [None]])
def test_migrations_that_fail_stop_it_before_anything_is_rolled_out(said, codes):
    ecs = FakeECS(*BOTH)
    ecs.migration = codes
    assert deploy(ecs, said, migrate="promptledger-migrate") == Exit.BACK
    assert not ecs.made("update_service")


def test_migrations_that_hang_are_stopped(said):
    ecs = FakeECS(*BOTH)
    ecs.migration = []
    assert deploy(ecs, said, migrate="promptledger-migrate") == Exit.BACK
    assert ecs.made("stop_task")
    assert not ecs.made("update_service")


def test_migrations_that_cannot_be_started(said):
    ecs = FakeECS(*BOTH)
    ecs.refuse["run_task"] = [refusal("AccessDeniedException", "RunTask")]
    assert deploy(ecs, said, migrate="promptledger-migrate") == Exit.BACK
    assert not ecs.made("update_service")


# taking an image out


def test_rollback_takes_an_image_out_and_a_second_one_changes_nothing(said):
    ecs = FakeECS(*BOTH)
    deploy(ecs, said)
    assert back(ecs, said) == Exit.WELL
    assert finals(ecs) == {OLD}
    ecs.calls.clear()
    assert back(ecs, said) == Exit.WELL
    assert not ecs.made("update_service")


def test_rollback_passes_over_other_deployments_of_the_same_image(said):
    ecs = FakeECS(*BOTH)
    deploy(ecs, said)
    for name in BOTH:  # the same image again, in another revision
        ecs.begin(ecs.services[name], ecs.define(f"promptledger-{name}", NEW))
    ecs.seconds += 100
    assert back(ecs, said) == Exit.WELL
    assert finals(ecs) == {OLD}


def test_rollback_without_anything_to_go_back_to_changes_nothing(said):
    ecs = FakeECS(*BOTH)
    with pytest.raises(Refused, match="nothing to go back to"):
        back(ecs, said, OLD)
    assert not ecs.made("update_service")


def test_rollback_that_does_not_become_stable_is_for_somebody_to_look_at(said):
    ecs = FakeECS(*BOTH)
    deploy(ecs, said)
    ecs.fates[OLD] = "hanging"
    assert back(ecs, said) == Exit.ASTRAY
