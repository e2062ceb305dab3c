"""What we send to AWS fits AWS's own model of its API, and what we send once does what it says: on moto."""

import json

import boto3
import pytest
from moto import mock_aws

from deploy.aws import definitions, policies
from deploy.aws.calls import Calls, Clock
from deploy.aws.ending import Exit
from deploy.aws.rollout import Rollout
from deploy.aws.trust import Repository
from tests.deploy.fake_ecs import NEW, FakeECS

DOCUMENTS = policies.documents(Repository("acme", "prompts", "123", "456"), "123456789012", "eu-central-1")
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 7023,
        "digest": f"sha256:{'c' * 64}",
    },
    "layers": [],
}


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield


def test_every_call_of_a_rollout_has_a_shape_that_aws_knows(aws):
    """The calls recorded on the fake service, against botocore's model: unknown and missing parameters are errors."""
    real = boto3.client("ecs").meta.service_model
    from botocore.validate import ParamValidator

    recorded = []
    for fate in ("stable", "broken", "hanging"):
        ecs = FakeECS("web", "worker", fates={NEW: fate})
        Rollout(ecs.client(), "prod", seconds=600, say=str).deploy(["web", "worker"], NEW, "promptledger-migrate")
        if fate == "stable":
            Rollout(ecs.client(), "prod", say=str).rollback(["web", "worker"], NEW)
        recorded += ecs.calls
    hanging = FakeECS("web")
    hanging.migration = []
    Rollout(hanging.client(), "prod", say=str).deploy(["web"], NEW, "promptledger-migrate")
    recorded += hanging.calls
    names = {operation for operation, _ in recorded}
    assert names == {
        "describe_services", "describe_task_definition", "register_task_definition", "update_service", "run_task",
        "describe_tasks", "stop_task", "list_service_deployments", "describe_service_revisions",
    }  # fmt: skip
    for operation, arguments in recorded:
        model = real.operation_model("".join(word.title() for word in operation.split("_")))
        problems = ParamValidator().validate(arguments, model.input_shape)
        assert not problems.has_errors(), problems.generate_report()


def test_the_fake_service_answers_in_shapes_that_aws_knows():
    model = boto3.client(
        "ecs", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x"
    ).meta.service_model
    shown = FakeECS("web").do_describe_services("prod", ["web"])["services"][0]
    assert set(shown) <= set(model.shape_for("Service").members)
    assert set(shown["deployments"][0]) <= set(model.shape_for("Deployment").members)
    assert {one["rolloutState"] for one in shown["deployments"]} <= set(model.shape_for("DeploymentRolloutState").enum)


def test_a_deployment_on_moto_registers_and_updates(aws, monkeypatch):
    """moto's services never become stable (RELIABILITY, finding 9), so what is judged is what it was told."""
    client = boto3.client("ecs")
    client.create_cluster(clusterName="promptledger")
    for part in ("web", "worker"):
        client.register_task_definition(**DOCUMENTS[f"task-{part}.json"])
        client.create_service(
            cluster="promptledger",
            serviceName=f"promptledger-{part}",
            taskDefinition=f"promptledger-{part}",
            desiredCount=1,
        )
    image = DOCUMENTS["task-web.json"]["containerDefinitions"][0]["image"]
    wanted = f"{definitions.repository(image)}@sha256:{'b' * 64}"
    seconds = [0.0]
    clock = Clock(now=lambda: seconds[0], sleep=lambda more: seconds.__setitem__(0, seconds[0] + more))
    # The one call that moto does not know; nothing was ever completed there.
    monkeypatch.setattr(client, "list_service_deployments", lambda **_: {"serviceDeployments": []}, raising=False)
    rollout = Rollout(Calls(client, clock), "promptledger", seconds=30, say=lambda text: None)
    code = rollout.deploy(["promptledger-web", "promptledger-worker"], wanted)
    assert code == Exit.ASTRAY  # nothing to go back to
    for part in ("web", "worker"):
        service = client.describe_services(cluster="promptledger", services=[f"promptledger-{part}"])["services"][0]
        assert service["taskDefinition"].endswith(f"promptledger-{part}:2")
        definition = client.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        assert definitions.images(definition) == [wanted]
        assert definition["containerDefinitions"][0]["readonlyRootFilesystem"] is True


@pytest.mark.parametrize("part", policies.PARTS)
def test_task_definitions_can_be_registered_as_they_are_written(aws, part):
    document = DOCUMENTS[f"task-{part}.json"]
    made = boto3.client("ecs").register_task_definition(**document)["taskDefinition"]
    container = made["containerDefinitions"][0]
    assert container["command"] == [part]
    assert ("healthCheck" in container) == (part == "web")
    assert {secret["name"] for secret in container["secrets"]} == {
        "DATABASE_URL",
        "SECRET_KEY",
        "PROMPTLEDGER_ENCRYPTION_KEY",
    }
    database = next(secret["valueFrom"] for secret in container["secrets"] if secret["name"] == "DATABASE_URL")
    assert database.endswith("owner-database-url") == (part == "migrate")


def test_no_document_has_a_secret_in_it():
    for name, document in DOCUMENTS.items():
        for one in document.get("containerDefinitions", []):
            assert {each["name"] for each in one["environment"]} == {"ALLOWED_HOSTS", "PROMPTLEDGER_BEHIND_PROXY"}, name


@pytest.mark.parametrize("mutability", ["IMMUTABLE", "MUTABLE"])
def test_a_tag_of_the_repository_is_given_once(aws, mutability):
    """The second is the control: without our setting the tag would mean another image from then on."""
    ecr = boto3.client("ecr")
    assert DOCUMENTS["repository.json"]["imageTagMutability"] == "IMMUTABLE"
    ecr.create_repository(**DOCUMENTS["repository.json"] | {"imageTagMutability": mutability})
    lifecycle = json.dumps(DOCUMENTS["lifecycle.json"])
    ecr.put_lifecycle_policy(repositoryName="promptledger", lifecyclePolicyText=lifecycle)
    push = {"repositoryName": "promptledger", "imageTag": "0.1.0-aaaaaaaaaaaa"}
    first, second = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    ecr.put_image(**push, imageManifest=json.dumps(MANIFEST), imageDigest=first)
    other = json.dumps({**MANIFEST, "config": {**MANIFEST["config"], "digest": f"sha256:{'d' * 64}"}})
    if mutability == "IMMUTABLE":
        with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
            ecr.put_image(**push, imageManifest=other, imageDigest=second)
    else:
        ecr.put_image(**push, imageManifest=other, imageDigest=second)
    (image,) = ecr.batch_get_image(repositoryName="promptledger", imageIds=[{"imageTag": push["imageTag"]}])["images"]
    assert image["imageId"]["imageDigest"] == (first if mutability == "IMMUTABLE" else second)


# What may be done with the roles. Only these have no resource that could be named, by AWS's own reference.
WITHOUT_RESOURCE = {"ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"}


@pytest.mark.parametrize("role", policies.ROLES)
def test_roles_may_do_little(role):
    for statement in DOCUMENTS[f"{role}-permissions.json"]["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert not [action for action in actions if "*" in action]
        if "*" in resources:
            assert set(actions) <= WITHOUT_RESOURCE
        for resource in resources:
            assert resource == "*" or "123456789012" in resource
        if "iam:PassRole" in actions:
            assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_the_role_that_deploys_may_do_exactly_what_the_program_calls():
    ecs = FakeECS("web")
    may = {
        action
        for statement in DOCUMENTS["deploy-permissions.json"]["Statement"]
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    calls = {
        f"ecs:{''.join(w.title() for w in name[3:].split('_'))}" for name in dir(type(ecs)) if name.startswith("do_")
    }
    assert may == calls | {"iam:PassRole"}
