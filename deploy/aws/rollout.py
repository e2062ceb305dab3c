"""Roll an image out to services of ECS; when it does not run, back to what did (S3-20, S3-21; RELIABILITY 4.8)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.aws import definitions, services
from deploy.aws.calls import Calls, NoAnswerFromAWS
from deploy.aws.ending import Exit, Refused
from deploy.aws.services import Service, State

PAUSE = 10.0
MIGRATE = ["migrate"]


@dataclass(frozen=True)
class Move:
    """A service on its way to `wanted`, from one of `before`."""

    service: Service
    wanted: str
    before: frozenset[str]


@dataclass
class Rollout:
    """What is needed all along: whom to ask, where, how long, and where to say what happens."""

    ask: Calls
    cluster: str
    seconds: float = 900.0
    say: Callable[[str], None] = print
    pause: float = PAUSE
    moved: list[Move] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def deploy(self, names: list[str], image: str, migrate: str = "") -> Exit:
        """Take the services to `image`, and all of them back when one does not get there.

        `migrate` names a task definition whose next revision is run once before, with the network of the first service.
        Raises Refused, NoAnswerFromAWS while nothing was changed.
        """
        definitions.check_image(image)
        found = [services.find(self.ask, self.cluster, name) for name in names]
        if all(self.runs(service, image) for service in found):
            self.say(f"{', '.join(names)}: {image} runs already.")
            return Exit.WELL
        for service in found:  # before the first is touched
            definitions.with_image(definitions.read(self.ask, service.running)[0], image)
        if migrate and not self.migrated(found[0], migrate, image):
            self.say("The migrations did not end well; nothing was rolled out.")
            return Exit.BACK
        try:
            for service in found:
                self.update(service, definitions.register(self.ask, service.running, image))
            if self.all_stable():
                return Exit.WELL
        except (NoAnswerFromAWS, Refused) as error:
            self.say(str(error))
        return self.go_back()

    def rollback(self, names: list[str], image: str) -> Exit:
        """Take `image` out of service: back to the last completed deployment of another image.

        A service that does not run it is left alone, so a second call changes nothing.
        """
        definitions.check_image(image)
        found = [services.find(self.ask, self.cluster, name) for name in names]
        goals = {one.name: self.without(one, image) for one in found if image in self.images(one.running)}
        try:
            for service in found:
                if service.name in goals:
                    self.update(service, goals[service.name])
                else:
                    self.say(f"{service.name}: does not run {image}; left as it is.")
            return Exit.WELL if self.all_stable() else Exit.ASTRAY
        except (NoAnswerFromAWS, Refused) as error:
            self.say(str(error))
            return Exit.ASTRAY

    def images(self, name: str) -> list[str]:
        """The images of a task definition."""
        return definitions.images(definitions.read(self.ask, name)[0])

    def runs(self, service: Service, image: str) -> bool:
        """Whether a service stands on this image, with nothing under way."""
        if service.running != service.good or image not in self.images(service.running):
            return False
        return services.judge(service.raw, service.running, ())[0] is State.STABLE

    def without(self, service: Service, image: str) -> str:
        """The newest task definition that was completely rolled out and has another image. Raises Refused."""
        for name in services.completed_before(self.ask, self.cluster, service.name):
            if name != service.running and image not in self.images(name):
                return name
        raise Refused(f"{service.name} never completed a deployment of another image; there is nothing to go back to.")

    def update(self, service: Service, wanted: str, *others: str, again: bool = False) -> None:
        """Tell ECS to roll a task definition out, with its circuit breaker on; `others` is what it may stand on now."""
        # Noted before it is asked for: an answer that is lost may have been a yes.
        self.moved.append(Move(service, wanted, frozenset({service.running, *others})))
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        self.ask(
            "update_service", cluster=self.cluster, service=service.name, taskDefinition=wanted,
            deploymentConfiguration={**service.raw.get("deploymentConfiguration", {}), **breaker},
            forceNewDeployment=again,
        )  # fmt: skip
        self.say(f"{service.name}: rolling out {wanted}")

    def all_stable(self) -> bool:
        """Wait for all that was moved: True when all of it is stable, False when one has failed, or time is up."""
        ends = self.ask.clock.now() + self.seconds
        while True:
            standing = [self.state(move) for move in self.moved]
            if all(state is State.STABLE for state in standing):
                return True
            if State.FAILED in standing or State.OVERTAKEN in standing:
                return False
            if self.ask.clock.now() + self.pause > ends:
                self.say(f"Not stable after {self.seconds:.0f} seconds.")
                return False
            self.ask.clock.sleep(self.pause)

    def state(self, move: Move) -> State:
        """How one service stands, said aloud."""
        now = services.describe(self.ask, self.cluster, move.service.name)
        state, reason = services.judge(now, move.wanted, move.before, seen=move.wanted in self.seen)
        if services.primary(now).get("taskDefinition") == move.wanted:
            self.seen.add(move.wanted)
        self.say(f"{move.service.name}: {state.value}. {reason}".strip())
        return state

    def go_back(self) -> Exit:
        """Take everything that was moved to its last completed deployment, and wait until it stands there."""
        moved, self.moved = self.moved, []
        certain = True
        for move in moved:
            try:
                certain &= self.send_back(move)
            except (NoAnswerFromAWS, Refused) as error:  # the others still can be
                self.say(str(error))
                certain = False
        try:
            certain &= self.all_stable()
        except (NoAnswerFromAWS, Refused) as error:
            self.say(str(error))
            certain = False
        return Exit.BACK if certain else Exit.ASTRAY

    def send_back(self, move: Move) -> bool:
        """Send one service back; False where there is nothing to go back to, or somebody else has taken over."""
        service, good = move.service, move.service.good
        if not good:
            self.say(f"{service.name}: no deployment was ever completed, there is nothing to go back to.")
            return False
        now = services.describe(self.ask, self.cluster, service.name)
        at = services.primary(now)
        if at.get("taskDefinition") not in (move.wanted, good, *move.before):
            self.say(f"{service.name}: somebody else rolls out {at.get('taskDefinition')}; left as it is.")
            return False
        taken_back = at.get("taskDefinition") == good and (move.wanted in self.seen or services.shows(now, move.wanted))
        if taken_back and at.get("rolloutState") != "FAILED":  # the circuit breaker was quicker
            self.moved.append(Move(service, good, move.before))
        else:
            self.update(service, good, move.wanted, again=at.get("rolloutState") == "FAILED")
        return True

    def migrated(self, like: Service, family: str, image: str) -> bool:
        """Run the migrations of the image once, in the network of a service; True when they end with 0."""
        try:
            return self.migrate(like, definitions.register(self.ask, family, image))
        except NoAnswerFromAWS as error:
            self.say(str(error))
            return False

    def migrate(self, like: Service, wanted: str) -> bool:
        """The same, with the task definition at hand. Raises NoAnswerFromAWS."""
        container = definitions.read(self.ask, wanted)[0]["containerDefinitions"][0]["name"]
        network = {
            key: like.raw[key] for key in ("launchType", "networkConfiguration", "platformVersion") if like.raw.get(key)
        }
        started = self.ask(
            "run_task", cluster=self.cluster, taskDefinition=wanted, count=1, clientToken=str(uuid.uuid4()), **network,
            overrides={"containerOverrides": [{"name": container, "command": MIGRATE}]},
        )  # fmt: skip
        for failure in started.get("failures", []):
            self.say(f"Migrations: {failure.get('reason')} {failure.get('detail', '')}".strip())
        return bool(started.get("tasks")) and self.ended_well(started["tasks"][0]["taskArn"])

    def ended_well(self, task: str) -> bool:
        """Wait for a task to end; True when every container ended with 0. One that takes too long is stopped."""
        ends = self.ask.clock.now() + self.seconds
        while self.ask.clock.now() <= ends:
            found = self.ask("describe_tasks", cluster=self.cluster, tasks=[task])["tasks"]
            if found and found[0].get("lastStatus") == "STOPPED":
                codes = [container.get("exitCode") for container in found[0].get("containers", [])]
                self.say(f"Migrations: ended with {codes}. {found[0].get('stoppedReason', '')}".strip())
                return bool(codes) and set(codes) == {0}
            self.ask.clock.sleep(self.pause)
        self.say(f"Migrations: not ended after {self.seconds:.0f} seconds; stopped.")
        self.ask("stop_task", cluster=self.cluster, task=task, reason="took too long")
        return False
