"""Who may become our roles at AWS: forged tokens against the trust policies (S3-33; RELIABILITY 4.8)."""

import json

import pytest

from deploy.aws import policies, trust
from deploy.aws.__main__ import main

REPOSITORY = trust.Repository("acme", "prompts", "123", "456")
ISSUER = trust.ISSUER
WORKFLOWS = sorted(policies.ROLES.items())


def ours(role: str = "deploy") -> dict:
    return policies.documents(REPOSITORY, "123456789012", "eu-central-1")[f"{role}-trust.json"]


def with_condition(condition: dict, **more) -> dict:
    """Our policy with other conditions."""
    document = ours()
    document["Statement"][0] |= {"Condition": condition, **more}
    return document


@pytest.mark.parametrize("numbered", [False, True], ids=["by name", "with numbers"])
@pytest.mark.parametrize(("role", "workflow"), WORKFLOWS)
def test_the_right_workflow_in_the_right_environment_gets_in(role, workflow, numbered):
    claims = trust.claims_of(REPOSITORY, workflow, numbered=numbered)
    form = "acme@123/prompts@456" if numbered else "acme/prompts"
    assert claims["sub"] == f"repo:{form}:environment:production"
    assert trust.admits(ours(role), claims)


@pytest.mark.parametrize(("role", "workflow"), WORKFLOWS)
@pytest.mark.parametrize("what", [what for what, _ in trust.forgeries(REPOSITORY, "deploy.yml")])
def test_forged_claims_do_not(role, workflow, what):
    claims = dict(trust.forgeries(REPOSITORY, workflow))[what]
    assert not trust.admits(ours(role), claims)


def test_neither_role_is_for_the_other_workflow():
    assert not trust.admits(ours("push"), trust.claims_of(REPOSITORY, "deploy.yml"))
    assert not trust.admits(ours("deploy"), trust.claims_of(REPOSITORY, "image.yml"))


@pytest.mark.parametrize("claim", ["aud", "sub", "repository_id", "environment", "ref", "job_workflow_ref"])
def test_each_condition_is_needed(claim):
    """Without any one of them, or with it missing in the token, the answer changes."""
    conditions = ours()["Statement"][0]["Condition"]["StringEquals"]
    assert f"{ISSUER}:{claim}" in conditions
    right = trust.claims_of(REPOSITORY, "deploy.yml")
    assert not trust.admits(ours(), {key: value for key, value in right.items() if key != claim})
    assert not trust.admits(ours(), {**right, claim: right[claim] + "x"})


WEAK = {
    "the whole organisation": ({"StringLike": {f"{ISSUER}:sub": "repo:acme/*"}}, "another repository of the owner"),
    "any branch": ({"StringLike": {f"{ISSUER}:sub": "repo:acme/prompts:*"}}, "a pull request, by name"),
    "a star too early": ({"StringLike": {f"{ISSUER}:sub": "repo:acme/prompts*"}}, "a longer name, by name"),
    "no subject": ({"StringEquals": {f"{ISSUER}:aud": trust.AUDIENCE}}, "a fork"),
    "a star for the owner": ({"StringLike": {f"{ISSUER}:sub": "repo:acme*/prompts*:environment:production"}},
                             "an owner with a longer name"),
    "names only": ({"StringEquals": {f"{ISSUER}:sub": "repo:acme/prompts:environment:production"}},
                   "our name after it changed hands, by name"),
    "where it is missing, too": ({"StringEqualsIfExists": {f"{ISSUER}:sub": "repo:acme/prompts:environment:production"}},
                                 "It lets in: nothing"),
}  # fmt: skip


@pytest.mark.parametrize("name", WEAK)
def test_weak_policies_are_found(name):
    condition, what = WEAK[name]
    wrong = trust.weaknesses(with_condition(condition), REPOSITORY, "deploy.yml")
    assert any(what in line for line in wrong), wrong


def test_ours_has_no_weakness_and_admits_both_forms():
    for role, workflow in WORKFLOWS:
        assert trust.weaknesses(ours(role), REPOSITORY, workflow) == []


def test_a_policy_that_keeps_one_form_out_is_found():
    document = ours()
    document["Statement"][0]["Condition"]["StringEquals"][f"{ISSUER}:sub"] = REPOSITORY.subjects[0]
    (line,) = trust.weaknesses(document, REPOSITORY, "deploy.yml")
    assert "keeps out" in line and "acme@123" in line


@pytest.mark.parametrize("operator", ["ForAllValues:StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "Null"])
def test_an_operator_that_is_not_known_here_is_no_green_light(operator):
    wrong = trust.weaknesses(with_condition({operator: {f"{ISSUER}:sub": "x"}}), REPOSITORY, "deploy.yml")
    assert wrong == [f"Condition {operator} is not known here: use StringEquals."]


# Beside our own statement: each would let in somebody of whom no token of GitHub says anything.
BESIDE = {
    "any account of AWS": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}},
    "everybody": {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": "*"},
    "all but one action": {"Effect": "Allow", "NotAction": "sts:GetCallerIdentity", "Principal": {"AWS": "*"}},
    "all but one person": {"Effect": "Allow", "Action": trust.ASSUME, "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}},
    "an action with a star": {"Effect": "Allow", "Action": "sts:Assume*", "Principal": {"AWS": "*"}},
    "the action in other letters": {"Effect": "Allow", "Action": "STS:assumerole", "Principal": {"AWS": "*"}},
    "another provider": {"Effect": "Allow", "Action": trust.ASSUME, "Condition": {"StringEquals": {f"{ISSUER}:sub": "x"}},
                         "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.evil.example"}},
    "two providers": {"Effect": "Allow", "Action": trust.ASSUME, "Condition": {"StringEquals": {f"{ISSUER}:sub": "x"}},
                      "Principal": {"Federated": [f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}", "accounts.google.com"]}},
    "no effect": {"Action": "sts:AssumeRole", "Principal": {"AWS": "*"}},
}  # fmt: skip


@pytest.mark.parametrize("name", BESIDE)
def test_a_statement_that_no_token_can_be_tried_on_is_told(name):
    document = ours()
    document["Statement"].append({"Sid": "Beside", **BESIDE[name]})
    wrong = trust.weaknesses(document, REPOSITORY, "deploy.yml")
    assert any("Statement 'Beside'" in line for line in wrong), wrong


@pytest.mark.parametrize("document", [[], "x", None, {"Statement": ["x"]}, {"Statement": "x"}])
def test_what_is_no_policy_is_told(document):
    assert len(trust.weaknesses(document, REPOSITORY, "deploy.yml")) == 1


def test_a_deny_wins_and_another_action_lets_nobody_in():
    right = trust.claims_of(REPOSITORY, "deploy.yml")
    document = ours()
    document["Statement"].append({"Effect": "Deny", "Action": "*", "Principal": "*"})
    assert not trust.admits(document, right)
    assert not trust.admits(with_condition({}, Action="sts:TagSession"), right)


@pytest.mark.parametrize(
    ("text", "pattern", "is_like"),
    [("abc", "a*", True), ("abc", "a?c", True), ("abc", "A*", False), ("a[b]", "a[b]", True), ("ab", "a[b]", False)],
)
def test_wildcards_are_those_of_iam(text, pattern, is_like):
    assert trust.like(text, pattern) is is_like


@pytest.mark.parametrize("bad", ["acme", "acme/pro mpts", "acme/*", 'acme/"x"', "a/b/c", ""])
def test_what_is_no_repository_is_refused(bad):
    with pytest.raises(ValueError, match="no repository"):
        trust.Repository.read(bad, "1", "2")


def test_ids_are_numbers():
    with pytest.raises(ValueError, match="numbers"):
        trust.Repository.read("acme/prompts", "*", "2")


WHICH = ["--repository", "acme/prompts", "--owner-id", "123", "--repository-id", "456"]


def test_the_command_writes_policies_and_judges_them(tmp_path, capsys):
    assert (
        main(["policies", *WHICH, "--account", "123456789012", "--region", "eu-central-1", "--to", str(tmp_path)]) == 0
    )
    for role, workflow in WORKFLOWS:
        assert main(["check", *WHICH, "--workflow", workflow, str(tmp_path / f"{role}-trust.json")]) == 0
    (tmp_path / "weak.json").write_text(json.dumps(with_condition(WEAK["any branch"][0])))
    assert main(["check", *WHICH, "--workflow", "deploy.yml", str(tmp_path / "weak.json")]) == 1
    assert "It lets in: a pull request, by name." in capsys.readouterr().err


@pytest.mark.parametrize("account", ["", "12345", "1234567890123"])
def test_an_account_that_is_none_writes_nothing(tmp_path, account, capsys):
    asked = ["policies", *WHICH, "--account", account, "--region", "eu-central-1", "--to", str(tmp_path / "new")]
    assert main(asked) == 2
    assert "twelve digits" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
