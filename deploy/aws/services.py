"""What ECS says of a service, read: what runs, what last ran well, and how a rollout stands."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from deploy.aws.calls import Calls
from deploy.aws.ending import Refused


class State(Enum):
    """How the rollout of a task definition stands."""

    STABLE = "stable"
    UNDER_WAY = "under way"
    FAILED = "failed"
    OVERTAKEN = "overtaken"  # ECS rolls out what is neither it nor anything that was there before


@dataclass(frozen=True)
class Service:
    """A service as it was found; `good` is the task definition of its last completed deployment, or ""."""

    name: str
    running: str
    good: str
    raw: dict[str, Any]


def describe(ask: Calls, cluster: str, name: str) -> dict[str, Any]:
    """Return what ECS says of a service. Raises Refused where there is none, or it is not ECS that rolls it out."""
    found = ask("describe_services", cluster=cluster, services=[name])["services"]
    if not found or found[0].get("status") != "ACTIVE":
        raise Refused(f"There is no active service '{name}' in the cluster '{cluster}'.")
    service: dict[str, Any] = found[0]
    kind = service.get("deploymentController", {}).get("type", "ECS")
    if kind != "ECS":
        raise Refused(f"The service '{name}' is rolled out by {kind}; this program works with rolling updates of ECS.")
    return service


def primary(service: dict[str, Any]) -> dict[str, Any]:
    """The deployment that ECS is taking the service to."""
    for deployment in service.get("deployments", []):
        if deployment.get("status") == "PRIMARY":
            return dict(deployment)
    return {}


def find(ask: Calls, cluster: str, name: str) -> Service:
    """Return a service with what to go back to."""
    raw = describe(ask, cluster, name)
    completed = [one for one in raw.get("deployments", []) if one.get("rolloutState") == "COMPLETED"]
    now = primary(raw)
    running = now.get("taskDefinition") or raw.get("taskDefinition", "")
    if completed:
        good = (now if now in completed else completed[0])["taskDefinition"]
    else:
        good = next(completed_before(ask, cluster, name), "")
    return Service(name, running, good, raw)


def completed_before(ask: Calls, cluster: str, name: str) -> Iterator[str]:
    """Yield the task definitions of completed deployments, the newest first."""
    listed = ask("list_service_deployments", cluster=cluster, service=name, status=["SUCCESSFUL"])["serviceDeployments"]
    for one in sorted(listed, key=lambda one: one["startedAt"], reverse=True):
        revisions = ask("describe_service_revisions", serviceRevisionArns=[one["targetServiceRevisionArn"]])
        for revision in revisions["serviceRevisions"]:
            yield revision["taskDefinition"]


def shows(service: dict[str, Any], wanted: str) -> list[dict[str, Any]]:
    """The deployments of a task definition that ECS lists."""
    return [one for one in service.get("deployments", []) if one.get("taskDefinition") == wanted]


def judge(service: dict[str, Any], wanted: str, before: Collection[str], *, seen: bool = True) -> tuple[State, str]:
    """Say how far a service is on its way to the task definition `wanted`, and what ECS gives as the reason.

    The circuit breaker shows itself in two ways: our deployment is FAILED, or ECS is already on the way back. An answer
    may be older than our update, though: until ours was `seen` to be the primary one, that it is not says nothing.
    """
    now = primary(service)
    ours = shows(service, wanted)
    reason = next((one["rolloutStateReason"] for one in ours if one.get("rolloutStateReason")), "")
    if now.get("taskDefinition") != wanted:
        if now.get("taskDefinition") not in before:
            return State.OVERTAKEN, f"Somebody else rolls out {now.get('taskDefinition', 'nothing')}."
        if not seen and all(one.get("rolloutState") != "FAILED" for one in ours):
            return State.UNDER_WAY, "ECS does not show it yet."
        return State.FAILED, reason or "ECS took its deployment back."
    if now.get("rolloutState") == "FAILED":
        return State.FAILED, reason
    enough = now.get("runningCount", 0) >= now.get("desiredCount", 0)
    if now.get("rolloutState") == "COMPLETED" and enough:
        return State.STABLE, reason
    return State.UNDER_WAY, f"{now.get('runningCount', 0)} of {now.get('desiredCount', 0)} run. {reason}".strip()
