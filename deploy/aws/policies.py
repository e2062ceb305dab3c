"""What AWS has to be told once: two roles, a repository of images, three task definitions, with our names filled in."""

import json
import re
from pathlib import Path
from string import Template
from typing import Any

from deploy.aws.trust import Repository

TEMPLATES = Path(__file__).parent / "templates"
# A role for each workflow that signs in to AWS: what it may do, and which workflow may take it.
ROLES = {"push": "image.yml", "deploy": "deploy.yml"}
# The parts that run, with their command; the owner of the tables migrates (docs/operations.md).
PARTS = {
    "web": (["web"], "database-url"),
    "worker": (["worker"], "database-url"),
    "migrate": (["migrate"], "owner-database-url"),
}
PORT = 8000
# Fargate does not read the image's own check.
HEALTH = {"command": ["CMD", "python", "-m", "promptledger.health"], "interval": 15, "timeout": 10, "retries": 3,
          "startPeriod": 30}  # fmt: skip


def filled(template: str, **values: str) -> dict[str, Any]:
    """Return a template as JSON with every `${name}` filled in. Raises KeyError for a value that is missing."""
    document: dict[str, Any] = json.loads(Template((TEMPLATES / template).read_text()).substitute(values))
    return document


def documents(
    repository: Repository, account: str, region: str, cluster: str = "promptledger", host: str = "prompts.example.com"
) -> dict[str, dict[str, Any]]:
    """Return every document by its file name. Raises ValueError for an account or region that is none."""
    if not re.fullmatch(r"\d{12}", account):
        raise ValueError(f"'{account}' is no AWS account: twelve digits.")
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d", region):
        raise ValueError(f"'{region}' is no AWS region, for example eu-central-1.")
    known = {
        "account": account, "region": region, "cluster": cluster, "host": host, "owner": repository.owner,
        "name": repository.name, "owner_id": repository.owner_id, "repository_id": repository.id,
    }  # fmt: skip
    made = {name: filled(name, **known) for name in ("repository.json", "lifecycle.json")}
    for role, workflow in ROLES.items():
        made[f"{role}-trust.json"] = filled("trust.json", **known, workflow=workflow)
        made[f"{role}-permissions.json"] = filled(f"{role}.json", **known)
    for part, (command, database) in PARTS.items():
        made[f"task-{part}.json"] = task(filled("task.json", **known, part=part, database=database), part, command)
    return made


def task(definition: dict[str, Any], part: str, command: list[str]) -> dict[str, Any]:
    """A task definition with the command of its part; the web part has a port and is asked whether it is well."""
    container = definition["containerDefinitions"][0]
    container["command"] = command
    if part == "web":
        container["portMappings"] = [{"containerPort": PORT, "protocol": "tcp"}]
        container["healthCheck"] = HEALTH
    return definition
