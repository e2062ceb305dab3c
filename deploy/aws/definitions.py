"""Task definitions: the next revision of one, with another image in it."""

from typing import Any

from deploy.aws.calls import Calls
from deploy.aws.ending import Refused

# What describe_task_definition says and register_task_definition does not take.
SAID_ONLY = frozenset(
    {
        "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
        "registeredBy", "deregisteredAt", "deleteRequestedAt",
    }
)  # fmt: skip


def repository(image: str) -> str:
    """The repository of an image, without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def check_image(image: str) -> None:
    """Raise Refused unless the image is named by its digest: a tag may mean another image tomorrow."""
    _, at, digest = image.partition("@")
    if not at or len(digest) != 71 or not digest.startswith("sha256:"):
        raise Refused(f"'{image}' is not named by its digest: give repository@sha256:….")


def read(ask: Calls, name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a task definition, and its tags."""
    answer = ask("describe_task_definition", taskDefinition=name, include=["TAGS"])
    return answer["taskDefinition"], answer.get("tags", [])


def images(definition: dict[str, Any]) -> list[str]:
    """The images of its containers."""
    return [container.get("image", "") for container in definition.get("containerDefinitions", [])]


def with_image(definition: dict[str, Any], image: str) -> dict[str, Any]:
    """Return what to register: the same, with `image` in every container that runs an image of that repository.

    Raises Refused where no container does: then somebody named the wrong service, or the wrong repository.
    """
    ours = repository(image)
    if ours not in map(repository, images(definition)):
        raise Refused(f"No container of {definition.get('family')} runs an image of {ours}.")
    containers = [
        {**container, "image": image} if repository(container.get("image", "")) == ours else container
        for container in definition["containerDefinitions"]
    ]
    kept = {key: value for key, value in definition.items() if key not in SAID_ONLY}
    return {**kept, "containerDefinitions": containers}


def register(ask: Calls, name: str, image: str) -> str:
    """Register the next revision of a task definition with another image; return its ARN."""
    definition, tags = read(ask, name)
    wanted = with_image(definition, image)
    if tags:
        wanted["tags"] = tags
    answer = ask("register_task_definition", **wanted)
    return str(answer["taskDefinition"]["taskDefinitionArn"])
