"""`python -m deploy.aws`: an image to ECS and back, and what AWS has to be told once (docs/deploying.md).

    deploy    --cluster C --service web --service worker --image REPOSITORY@sha256:… [--migrate FAMILY]
    rollback  --cluster C --service web --service worker --image REPOSITORY@sha256:…    takes that image out of service
    policies  --account 1… --region R --repository OWNER/NAME --owner-id 1 --repository-id 2 --to DIR
    check     TRUST-POLICY --workflow deploy.yml --repository OWNER/NAME --owner-id 1 --repository-id 2
              tries forged tokens on it

Exit codes: 0 what was asked for runs; 1 it does not, what ran before does; 2 refused, nothing was changed; 3 neither is
certain, somebody has to look.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from deploy.aws import policies, trust
from deploy.aws.ending import Exit, Refused


def arguments() -> argparse.ArgumentParser:
    """What can be asked."""
    first, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m deploy.aws",
        description=first,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("deploy", "rollback"):
        command = commands.add_parser(name)
        command.add_argument("--cluster", required=True)
        command.add_argument("--service", action="append", required=True, dest="services")
        command.add_argument("--image", required=True, help="With its digest: repository@sha256:…")
        command.add_argument("--seconds", type=float, default=900, help="How long to wait for it. Default: 900.")
        if name == "deploy":
            command.add_argument("--migrate", default="", help="Task definition that migrates the database before.")
    for name in ("policies", "check"):
        command = commands.add_parser(name)
        command.add_argument("--repository", required=True, help="On GitHub: OWNER/NAME")
        command.add_argument("--owner-id", required=True, help="gh api repos/OWNER/NAME --jq .owner.id")
        command.add_argument("--repository-id", required=True, help="gh api repos/OWNER/NAME --jq .id")
        if name == "policies":
            command.add_argument("--account", required=True)
            command.add_argument("--region", required=True)
            command.add_argument("--cluster", default="promptledger")
            command.add_argument("--host", default="prompts.example.com", help="By which people reach it.")
            command.add_argument("--to", type=Path, required=True)
        else:
            command.add_argument("--workflow", required=True, choices=sorted(policies.ROLES.values()))
            command.add_argument("policy", type=Path)
    return parser


def client(seconds: float) -> Any:
    """A client of ECS; its region and credentials are what the environment says."""
    import boto3
    from botocore.config import Config

    from deploy.aws.calls import Calls

    config = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 1})
    return Calls(boto3.client("ecs", config=config), patience=min(seconds, 120))


def roll(asked: argparse.Namespace, calls: Any) -> int:
    """Deploy or roll back."""
    from deploy.aws.calls import NoAnswerFromAWS
    from deploy.aws.rollout import Rollout

    rollout = Rollout(calls, asked.cluster, asked.seconds, say=lambda text: print(text, flush=True))
    try:
        if asked.command == "deploy":
            code = rollout.deploy(asked.services, asked.image, asked.migrate)
        else:
            code = rollout.rollback(asked.services, asked.image)
    except (Refused, NoAnswerFromAWS) as error:
        print(error, file=sys.stderr)
        return Exit.REFUSED
    if code is Exit.BACK:
        print(f"{asked.image} does not run. What ran before does.", file=sys.stderr)
    elif code is Exit.ASTRAY:
        print(f"Look at the services {', '.join(asked.services)} in {asked.cluster} now.", file=sys.stderr)
    return code


def main(given: list[str] | None = None) -> int:
    """Do what the command line asks for; return the exit code."""
    asked = arguments().parse_args(given)
    if asked.command in ("deploy", "rollback"):
        return roll(asked, client(asked.seconds))
    try:
        repository = trust.Repository.read(asked.repository, asked.owner_id, asked.repository_id)
        if asked.command == "policies":
            return write(repository, asked)
        document = json.loads(asked.policy.read_text())
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return Exit.REFUSED
    wrong = trust.weaknesses(document, repository, asked.workflow)
    for line in wrong:
        print(line, file=sys.stderr)
    print("Do not use it." if wrong else "It lets in the workflow it is for, and nothing else that was tried.")
    return Exit.BACK if wrong else Exit.WELL


def write(repository: trust.Repository, asked: argparse.Namespace) -> int:
    """Write what AWS has to be told. Raises ValueError, OSError."""
    made = policies.documents(repository, asked.account, asked.region, asked.cluster, asked.host)
    asked.to.mkdir(parents=True, exist_ok=True)
    for name, document in made.items():
        path = asked.to / name
        path.write_text(json.dumps(document, indent=2) + "\n")
        print(path)
    return Exit.WELL


if __name__ == "__main__":
    sys.exit(main())
