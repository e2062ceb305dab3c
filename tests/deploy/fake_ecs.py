"""An ECS that moves as ECS does: every way a rollout can go, on a clock that only turns when somebody waits.

Each answer is checked against AWS's own model of the API by `tests/deploy/test_shapes.py`, on moto.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from deploy.aws.calls import Calls, Clock

ACCOUNT = "123456789012"
IMAGES = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/promptledger"
OLD, NEW = f"{IMAGES}@sha256:{'a' * 64}", f"{IMAGES}@sha256:{'b' * 64}"
EPOCH = datetime(2026, 11, 1, tzinfo=UTC)


def arn(family: str, revision: int) -> str:
    return f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task-definition/{family}:{revision}"


def refusal(code: str, operation: str = "UpdateService") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


@dataclass
class Deployment:
    """One deployment of a service: what it does at which second of its life."""

    task_definition: str
    begun: float
    fate: str  # stable, broken, hanging
    state: str = "IN_PROGRESS"
    running: int = 0
    failed: int = 0
    reason: str = ""


@dataclass
class FakeService:
    name: str
    deployments: list[Deployment]  # the first is PRIMARY
    desired: int = 2
    completed: list[tuple[float, str]] = field(default_factory=list)
    breaker: bool = True
    configuration: dict[str, Any] = field(default_factory=lambda: {"maximumPercent": 200, "minimumHealthyPercent": 100})


class FakeECS:
    """The calls that `deploy.aws` makes. `fates` says what becomes of an image: stable, broken or hanging.

    `refuse` maps an operation to errors that are raised one after the other; None among them lets a call through.
    """

    def __init__(self, *names: str, fates: dict[str, str] | None = None, takes: float = 60, shows_after: float = 0):
        self.seconds = 0.0
        self.takes, self.shows_after = takes, shows_after
        self.fates = {OLD: "stable", NEW: "stable", **(fates or {})}
        self.definitions: dict[str, dict[str, Any]] = {}
        self.services: dict[str, FakeService] = {}
        self.refuse: dict[str, list[ClientError | None]] = {}
        self.meanwhile: Callable[[], None] = lambda: None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.stale: dict[str, tuple[float, dict[str, Any]]] = {}
        self.migration: list[int | None] = [0]
        self.tasks: dict[str, float] = {}
        for name in names:
            first = self.define(f"promptledger-{name}", OLD)
            done = Deployment(first, -1000, "stable", "COMPLETED", 2)
            self.services[name] = FakeService(name, [done], completed=[(-1000, first)])
        self.define("promptledger-migrate", OLD)

    # the clock

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.meanwhile()

    def client(self) -> Calls:
        return Calls(self, Clock(now=lambda: self.seconds, sleep=self.sleep), patience=60)

    # what tests look at

    def image_of(self, task_definition: str) -> str:
        return self.definitions[task_definition]["containerDefinitions"][0]["image"]

    def final(self, name: str) -> str:
        """The image that a service ends on, long after."""
        self.seconds += 10_000
        self.move(self.services[name])
        return self.image_of(self.services[name].deployments[0].task_definition)

    def made(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for called, arguments in self.calls if called == operation]

    # how it moves

    def define(self, family: str, image: str, **more: Any) -> str:
        revision = 1 + sum(one["family"] == family for one in self.definitions.values())
        name = arn(family, revision)
        sidecar = {"name": "agent", "image": "public.ecr.aws/agent:3", "essential": False}
        self.definitions[name] = {
            "family": family, "networkMode": "awsvpc", "cpu": "512", "memory": "1024", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{"name": family.rpartition("-")[2], "image": image, "essential": True}, sidecar],
            "volumes": [], "taskDefinitionArn": name, "revision": revision, "status": "ACTIVE", **more,
        }  # fmt: skip
        return name

    def begin(self, service: FakeService, task_definition: str) -> None:
        fate = self.fates[self.image_of(task_definition)]
        service.deployments.insert(0, Deployment(task_definition, self.seconds, fate))

    def move(self, service: FakeService) -> None:
        now = service.deployments[0]
        if now.state != "IN_PROGRESS" or self.seconds - now.begun < self.takes:
            return
        if now.fate == "stable":
            now.state, now.running, now.reason = "COMPLETED", service.desired, "ECS deployment completed."
            service.deployments = [now]
            service.completed.append((self.seconds, now.task_definition))
        elif now.fate == "broken":
            now.failed += 3
            if service.breaker:
                now.state, now.reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
                if service.configuration.get("deploymentCircuitBreaker", {}).get("rollback") and service.completed:
                    self.begin(service, service.completed[-1][1])
        elif now.fate == "half":
            now.running = 1

    def shown(self, service: FakeService) -> dict[str, Any]:
        self.move(service)
        deployments = [
            {
                "id": f"ecs-svc/{place}", "status": "ACTIVE" if place else "PRIMARY", "taskDefinition": one.task_definition,
                "desiredCount": service.desired, "runningCount": one.running, "pendingCount": 0, "failedTasks": one.failed,
                "rolloutState": one.state, "rolloutStateReason": one.reason,
            }
            for place, one in enumerate(service.deployments)
        ]  # fmt: skip
        return {
            "serviceName": service.name, "status": "ACTIVE", "deploymentController": {"type": "ECS"}, "launchType": "FARGATE",
            "taskDefinition": service.deployments[0].task_definition, "deployments": deployments,
            "deploymentConfiguration": copy.deepcopy(service.configuration),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        }  # fmt: skip

    # the calls

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        answer = getattr(type(self), f"do_{operation}")

        def call(**arguments: Any) -> dict[str, Any]:
            self.calls.append((operation, arguments))
            if (waiting := self.refuse.get(operation)) and (error := waiting.pop(0)):
                raise error
            return answer(self, **arguments)

        return call

    def do_describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        found = []
        for name in services:
            if name not in self.services:
                continue
            until, before = self.stale.get(name, (0.0, {}))
            found.append(before if self.seconds < until else self.shown(self.services[name]))
        return {"services": found, "failures": []}

    def do_describe_task_definition(self, taskDefinition: str, include: list[str]) -> dict[str, Any]:
        if ":" not in taskDefinition:
            taskDefinition = [name for name, one in self.definitions.items() if one["family"] == taskDefinition][-1]
        return {
            "taskDefinition": copy.deepcopy(self.definitions[taskDefinition]),
            "tags": [{"key": "team", "value": "a"}],
        }

    def do_register_task_definition(self, **definition: Any) -> dict[str, Any]:
        image = definition["containerDefinitions"][0]["image"]
        more = {key: value for key, value in definition.items() if key not in ("family", "tags")}
        name = self.define(definition["family"], image, **more)
        return {"taskDefinition": copy.deepcopy(self.definitions[name])}

    def do_update_service(
        self,
        cluster: str,
        service: str,
        taskDefinition: str,
        deploymentConfiguration: dict[str, Any],
        forceNewDeployment: bool,
    ) -> dict[str, Any]:
        found = self.services[service]
        self.stale[service] = (self.seconds + self.shows_after, self.shown(found))
        found.configuration = deploymentConfiguration
        if forceNewDeployment or found.deployments[0].task_definition != taskDefinition:
            self.begin(found, taskDefinition)
        return {"service": self.shown(found)}

    def do_list_service_deployments(self, cluster: str, service: str, status: list[str]) -> dict[str, Any]:
        completed = self.services[service].completed
        rows = [
            {"startedAt": EPOCH + timedelta(seconds=at), "targetServiceRevisionArn": name, "status": "SUCCESSFUL"}
            for at, name in completed
        ]
        return {"serviceDeployments": rows}

    def do_describe_service_revisions(self, serviceRevisionArns: list[str]) -> dict[str, Any]:
        return {"serviceRevisions": [{"taskDefinition": name} for name in serviceRevisionArns]}

    def do_run_task(self, **arguments: Any) -> dict[str, Any]:
        name = f"task/{len(self.tasks)}"
        self.tasks[name] = self.seconds
        return {"tasks": [{"taskArn": name}], "failures": []}

    def do_describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        ended = self.migration and self.seconds - self.tasks[tasks[0]] >= 30
        codes = [{"exitCode": code} for code in self.migration] if ended else [{}]
        return {"tasks": [{"lastStatus": "STOPPED" if ended else "RUNNING", "containers": codes}]}

    def do_stop_task(self, cluster: str, task: str, reason: str) -> dict[str, Any]:
        return {}
