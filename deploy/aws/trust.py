"""Who may become a role of AWS by a token of GitHub: trust policies, judged with forged tokens (S3-33).

AWS's own simulators do not read trust policies, and moto's STS takes any token (RELIABILITY, finding 9): so what IAM
says of the few operators that such a policy needs is written down here. What it does not know, it refuses.
"""

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
ENVIRONMENT = "production"
BRANCH = "refs/heads/main"
ASSUME = "sts:AssumeRoleWithWebIdentity"
PROVIDER = re.compile(rf"arn:aws(?:-[a-z-]+)?:iam::[0-9]{{12}}:oidc-provider/{re.escape(ISSUER)}")
NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")

Claims = dict[str, str]


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub: names may change hands, numbers do not."""

    owner: str
    name: str
    owner_id: str
    id: str

    @classmethod
    def read(cls, full_name: str, owner_id: str, number: str) -> "Repository":
        """Read what a person typed. Raises ValueError."""
        if not NAME.fullmatch(full_name):
            raise ValueError(f"'{full_name}' is no repository: OWNER/NAME.")
        if not (owner_id.isascii() and owner_id.isdigit() and number.isascii() and number.isdigit()):
            raise ValueError("The ids are numbers: gh api repos/OWNER/NAME --jq '.owner.id, .id'")
        owner, _, name = full_name.partition("/")
        return cls(owner, name, owner_id, number)

    @property
    def subjects(self) -> tuple[str, str]:
        """How a token of a job in the environment names it: as before July 2026, and with numbers since."""
        return (
            f"repo:{self.owner}/{self.name}:environment:{ENVIRONMENT}",
            f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.id}:environment:{ENVIRONMENT}",
        )


def listed(value: Any) -> list[Any]:
    """IAM lets a list of one be written without brackets."""
    return value if isinstance(value, list) else [value]


def holds(operator: str, key: str, values: Any, claims: Claims) -> bool:
    """Whether one condition holds. Raises ValueError for an operator that is not known here."""
    issuer, _, claim = key.partition(":")
    given = claims.get(claim) if issuer == ISSUER else None
    optional = operator.endswith("IfExists")
    kind = operator.removesuffix("IfExists")
    if kind not in ("StringEquals", "StringLike"):
        raise ValueError(f"Condition {operator} is not known here: use StringEquals.")
    if given is None:
        return optional
    if kind == "StringLike":
        return any(like(given, pattern) for pattern in listed(values))
    return given in listed(values)


def like(text: str, pattern: str) -> bool:
    """IAM's wildcards: * for any text, ? for one character; brackets mean themselves."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def admits(document: dict[str, Any], claims: Claims) -> bool:
    """Whether a trust policy lets in a bearer of these claims: an Allow holds, and no Deny does."""
    allowed = False
    for statement in listed(document.get("Statement", [])):
        if not {ASSUME, "sts:*", "*"} & set(listed(statement.get("Action", []))):
            continue
        conditions = statement.get("Condition", {})
        met = all(
            holds(operator, key, values, claims)
            for operator, keys in conditions.items()
            for key, values in keys.items()
        )
        if met and statement.get("Effect") == "Deny":
            return False
        allowed |= met and statement.get("Effect") == "Allow"
    return allowed


def strange(document: dict[str, Any]) -> Iterator[str]:
    """What a policy allows that no token can be tried on: another action, or others than the bearers of such tokens.

    A statement that denies takes nothing but away; one that allows says exactly these things, or is told.
    """
    for statement in listed(document.get("Statement", [])):
        if not isinstance(statement, dict):
            yield f"A statement is no object: {statement!r}."
            continue
        if statement.get("Effect") == "Deny":
            continue
        who = f"Statement '{statement['Sid']}'" if "Sid" in statement else "A statement"
        if odd := sorted(set(statement) - {"Sid", "Effect", "Principal", "Action", "Condition"}):
            yield f"{who} has {', '.join(odd)}, which is not known here."
        if listed(statement.get("Action", [])) != [ASSUME]:
            yield f"{who} allows {statement.get('Action')}: {ASSUME} is all that it takes."
        principal = statement.get("Principal")
        federated = principal.get("Federated") if isinstance(principal, dict) and len(principal) == 1 else None
        if not (isinstance(federated, str) and PROVIDER.fullmatch(federated)):
            yield f"{who} is for {principal}: name GitHub's provider in this account, and nobody else."


def claims_of(repository: Repository, workflow: str, *, numbered: bool = True) -> Claims:
    """What GitHub says in the token of a job that may deploy."""
    here = f"{repository.owner}/{repository.name}"
    return {
        "iss": f"https://{ISSUER}",
        "aud": AUDIENCE,
        "sub": repository.subjects[numbered],
        "repository": here,
        "repository_id": repository.id,
        "repository_owner": repository.owner,
        "repository_owner_id": repository.owner_id,
        "environment": ENVIRONMENT,
        "ref": BRANCH,
        "event_name": "push",
        "job_workflow_ref": f"{here}/.github/workflows/{workflow}@{BRANCH}",
    }


def forgeries(repository: Repository, workflow: str) -> Iterator[tuple[str, Claims]]:
    """Yield claims that must not get in, each with what it is. GitHub really signs tokens with every one of them."""
    right = claims_of(repository, workflow)
    here = f"{repository.owner}/{repository.name}"
    numbered = f"{repository.owner}@{repository.owner_id}/{repository.name}@{repository.id}"
    no_environment = {key: value for key, value in right.items() if key != "environment"}
    other = "refs/heads/try-it"

    for form, name in (("with numbers", numbered), ("by name", here)):
        yield f"another branch, {form}", {**no_environment, "sub": f"repo:{name}:ref:{other}", "ref": other}
        yield f"main, outside the environment, {form}", {**no_environment, "sub": f"repo:{name}:ref:{BRANCH}"}
        yield f"a pull request, {form}", {
            **no_environment, "sub": f"repo:{name}:pull_request", "ref": "refs/pull/7/merge",
            "event_name": "pull_request",
        }  # fmt: skip
        yield f"a tag, {form}", {**no_environment, "sub": f"repo:{name}:ref:refs/tags/v9", "ref": "refs/tags/v9"}
        yield f"another environment, {form}", {
            **right, "sub": f"repo:{name}:environment:staging", "environment": "staging",
        }  # fmt: skip
    yield "the environment, on another branch", {
        **right, "ref": other, "job_workflow_ref": right["job_workflow_ref"].replace(BRANCH, other),
    }  # fmt: skip
    yield "the environment, in a pull request", {**right, "ref": "refs/pull/7/merge", "event_name": "pull_request"}
    yield "another workflow of the repository", {
        **right, "job_workflow_ref": f"{here}/.github/workflows/ci.yml@{BRANCH}",
    }  # fmt: skip
    yield "our workflow, called by nobody knows whom", {key: right[key] for key in right if key != "job_workflow_ref"}
    yield "no audience", {key: value for key, value in right.items() if key != "aud"}
    yield "another audience", {**right, "aud": f"https://github.com/{repository.owner}"}
    yield "no subject", {key: value for key, value in right.items() if key != "sub"}
    yield "nothing", {}
    yield from strangers(repository, workflow)


def strangers(repository: Repository, workflow: str) -> Iterator[tuple[str, Claims]]:
    """Yield the claims of other repositories: forks, neighbours, those with names that look alike, or were ours."""
    owner, name = repository.owner, repository.name
    ours = claims_of(repository, workflow)["job_workflow_ref"]
    others = {
        "a fork": ("mallory", name, "666", "667"),
        "another repository of the owner": (owner, "toys", repository.owner_id, "668"),
        "a longer name": (owner, f"{name}-evil", repository.owner_id, "669"),
        "an owner with a longer name": (f"{owner}-evil", name, "670", "671"),
        "our name after it changed hands": (owner, name, "672", "673"),
        "our repository's name made anew": (owner, name, repository.owner_id, "674"),
    }
    for what, (its_owner, its_name, owner_id, number) in others.items():
        its = Repository(its_owner, its_name, owner_id, number)
        for numbered in (True, False):
            theirs = claims_of(its, workflow, numbered=numbered)
            yield f"{what}, {'with numbers' if numbered else 'by name'}", theirs
            yield f"{what}, that calls our workflow", {**theirs, "job_workflow_ref": ours}


def weaknesses(document: Any, repository: Repository, workflow: str) -> list[str]:
    """What is wrong with the trust policy of a role for one workflow: who gets in and should not, or the reverse."""
    if not isinstance(document, dict):
        return ["It is no policy: an object with Statement."]
    wrong = list(strange(document))
    if any("is no object" in line for line in wrong):
        return wrong
    try:
        wrong += [
            f"It lets in: {what}." for what, claims in forgeries(repository, workflow) if admits(document, claims)
        ]
        for numbered, subject in enumerate(repository.subjects):
            if not admits(document, claims_of(repository, workflow, numbered=bool(numbered))):
                wrong.append(f"It keeps out our own job, whose subject is {subject}.")
    except ValueError as error:
        return [*wrong, str(error)]
    return wrong
