"""What is merged into 02-production goes live, as far as the gate lets it, once a commit (S3-11, S3-34 to S3-37).

All through the API, as the user of a key, under the rules that people have. Nothing is made live but by the promotion.
A draft that is there is used where it says the same, and no draft is edited: it may be a colleague's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.canonical import sha256
from deploy.prompts.ledger import Ledger, NoLedger, Refused
from deploy.prompts.scores import Judge, Verdict
from repository.files.metadata import MetadataFile
from repository.files.tree import ExampleFile, read_tree
from repository.files.versions import VersionFile

PLAIN = ("title", "description", "owner_team", "tags")
TRIES = 3
WAIT = 5.0


class BadTree(Exception):
    """The tree cannot be used; nothing was sent. One line for each thing that is wrong."""


@dataclass
class Wanted:
    """One prompt as its files want it."""

    file: VersionFile
    metadata: MetadataFile
    examples: list[ExampleFile] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The prompt's name."""
        return self.file.name

    def fields(self) -> dict[str, Any]:
        """What its metadata say of the prompt, and nothing that they do not say."""
        given = {key: getattr(self.metadata, key) for key in PLAIN if key in self.metadata.said}
        if {"inputs", "outputs", "more"} & self.metadata.said:
            given["metadata"] = self.metadata.metadata
        if {"threshold", "evaluation"} & self.metadata.said:
            given["evaluation"] = self.metadata.evaluation
        return given


def wanted(root: Path) -> Iterator[Wanted]:
    """Yield what a tree wants in production. Raises BadTree for what `validate_prompt` would refuse to import."""
    tree = read_tree(root)
    if wrong := [problem for problem in tree.problems if problem.rule.blocks]:
        raise BadTree("\n".join(map(str, sorted(wrong))))
    examples = tree.examples_of()
    for name, versions in sorted(tree.versions_of().items()):
        for file in versions:
            if file.stage == "PRD":
                yield Wanted(file, tree.metadata.get(name) or MetadataFile(name), examples.get(name, []))


@dataclass
class Promotions:
    """The promotions that one commit asks for. `commit` is the key: what it has asked for once is not asked again."""

    ledger: Ledger
    commit: str
    say: Callable[[str], None]
    judge: Judge

    @property
    def reason(self) -> str:
        """What the ledger says of them."""
        return f"Commit {self.commit}"

    def promote(self, root: Path) -> list[str]:
        """Ask for all that a tree wants live. Return what was blocked, and why. Raises BadTree, NoLedger, Refused."""
        asked = [(one.name, self.patiently(one)) for one in wanted(root)]
        return [f"{name}: {why}" for name, why in asked if why]

    def patiently(self, one: Wanted) -> str:
        """One prompt; begun anew when an answer is lost, as each step looks first whether it was done."""
        for attempt in range(TRIES):
            try:
                return self.one(one)
            except NoLedger:
                if attempt == TRIES - 1:
                    raise
                self.ledger.sleep(WAIT)
        raise AssertionError

    def one(self, one: Wanted) -> str:
        """One prompt. Return "" when it is live, else why not."""
        name = one.name
        prompt = self.ledger.find("prompts", name)
        if prompt is None:
            prompt = self.create(one)
        elif prompt["mode"] != "full":
            return "code owns its text (tracking): register it from the code."
        elif self.asked_before(name):
            return self.since(one)
        self.describe(one, prompt)
        versions = list(self.ledger.all("prompts", name, "versions"))
        live = next((version for version in versions if version["stage"] == "PRD"), None)
        if live and live["content_hash"] == one.file.own_content_hash:
            self.say(f"{name}: {live['label']} is live and says this already.")
            return ""
        try:
            version = self.candidate(one, versions)
            return self.take_live(name, version) if version["stage"] in ("DEV", "TST") else self.since(one)
        except Refused as error:
            if error.code not in ("stale", "wrong_stage"):
                raise
            return f"somebody moved it meanwhile. {error}"

    def since(self, one: Wanted) -> str:
        """What has become of a prompt that this commit took live: nothing is done to it a second time."""
        live = self.ledger.get("prompts", one.name, "active")
        if live["checksum_hash"] == sha256(one.file.text):
            self.say(f"{one.name}: {live['label']} is live, by this commit.")
            return ""
        return f"commit {self.commit} was live, and {live['label']} has taken its place since. It stays."

    def asked_before(self, name: str) -> bool:
        """Whether this commit took the prompt live before: then what there is now is somebody's later will."""
        events = self.ledger.all("prompts", name, "events", action="promoted")
        return any(event["to_stage"] == "PRD" and event["reason"] == self.reason for event in events)

    def create(self, one: Wanted) -> dict[str, Any]:
        """Make the prompt, with this text as its first draft."""
        more: dict[str, Any] = {}
        if one.metadata.agent:
            if self.ledger.find("agents", one.metadata.agent) is None:
                self.ledger.send("POST", "agents", name=one.metadata.agent)
            more = {"agent": one.metadata.agent, "status_key": one.metadata.status_key}
        made = self.ledger.send(
            "POST", "prompts", name=one.name, type=one.file.kind, template_format=one.metadata.template_format,
            template_source=one.file.text, config=one.file.config, commit_message=self.reason, **more, **one.fields(),
        )  # fmt: skip
        self.say(f"{one.name}: made.")
        return made

    def describe(self, one: Wanted, prompt: dict[str, Any]) -> None:
        """Bring metadata and examples to what the files say."""
        changed = {
            key: value for key, value in one.fields().items()
            if (prompt[key] | value != prompt[key] if isinstance(value, dict) else prompt[key] != value)
        }  # fmt: skip
        if changed:
            self.ledger.send("PATCH", "prompts", one.name, **changed)
            self.say(f"{one.name}: {', '.join(sorted(changed))} as in the files.")
        if one.examples:
            text = "".join(lines(file) for file in one.examples)
            stored = self.ledger.send(
                "PUT", "prompts", one.name, "examples", text=text, format="jsonl", note=self.reason
            )
            if stored["created"]:
                self.say(f"{one.name}: {stored['count']} examples as in the files.")

    def candidate(self, one: Wanted, versions: list[dict[str, Any]]) -> dict[str, Any]:
        """The first draft that says exactly this, else a new one."""
        for version in reversed(versions):
            same = version["content_hash"] == one.file.own_content_hash
            if same and version["stage"] in ("DEV", "TST") and not version["archived_at"]:
                return version
        message = one.file.commit_message or self.reason
        content = {"template_source": one.file.text, "config": one.file.config, "commit_message": message}
        made = self.ledger.send("POST", "prompts", one.name, "versions", **{"from": versions[0]["label"]}, **content)
        first = self.first_made(one, since=versions[0]["version"])
        if first["version"] != made["version"]:
            self.ledger.send("DELETE", "prompts", one.name, "versions", made["label"])
            return first
        self.say(f"{one.name}: {made['label']} made.")
        return made

    def first_made(self, one: Wanted, *, since: int) -> dict[str, Any]:
        """Of the versions above this number the first that says this: two runs at once agree on it."""
        made = [
            version for version in self.ledger.all("prompts", one.name, "versions")
            if version["version"] > since and version["content_hash"] == one.file.own_content_hash
        ]  # fmt: skip
        return min(made, key=lambda version: version["version"])

    def take_live(self, name: str, version: dict[str, Any]) -> str:
        """To TST, score it where the gate asks for a score, to PRD."""
        here = ("prompts", name, "versions", version["label"])
        if version["stage"] == "DEV":
            version = self.ledger.send(
                "POST", *here, "promote", to="TST", revision=version["revision"], reason=self.reason
            )
        if why := self.scored(name, version):
            return why
        try:
            self.ledger.send("POST", *here, "promote", to="PRD", revision=version["revision"], reason=self.reason)
        except Refused as error:
            if error.code != "gate_failed":
                raise
            unmet = [condition["detail"] for condition in error.body.get("conditions", []) if not condition["met"]]
            return f"{version['label']} stays in TST. {' '.join(unmet)}"
        self.say(f"{name}: {version['label']} is live.")
        return ""

    def scored(self, name: str, version: dict[str, Any]) -> str:
        """Have it evaluated where the gate asks for that, and what is live, if it is compared with. Return why not."""
        gate = ("prompts", name, "versions", version["label"], "gate")
        # Looked for before the gate is read: one that ends in between would be paid for again.
        run = self.judge.under_way(name, version["label"])
        if waits_for(self.ledger.get(*gate), "evaluated"):
            verdict, said = self.judge.score(name, version, run)
            if verdict is Verdict.NONE:
                return said
        if waits_for(self.ledger.get(*gate), "no_regression"):
            live = self.ledger.get("prompts", name)["production"]
            verdict, said = self.judge.score(name, {"label": live, "stage": "PRD"})
            if verdict is Verdict.NONE:
                return said
        return ""


def waits_for(gate: dict[str, Any], *names: str) -> bool:
    """Whether a gate lacks what an evaluation would bring, under one of these names of conditions."""
    unmet = [one for one in gate["conditions"] if not one["met"] and one.get("actual") is None]
    return any(condition["name"] in names for condition in unmet)


def lines(file: ExampleFile) -> str:
    """A file of examples as lines."""
    text = file.source.decode()
    return text if text.endswith("\n") else f"{text}\n"
