"""What a prompt is asked for by: the key of every copy, and the address that is asked."""

from typing import Any, NamedTuple
from urllib.parse import quote


class Question(NamedTuple):
    """An agent in a state, or a prompt by its name; equal to the plain tuple of the same values."""

    agent: str | None
    status_key: str | None
    name: str | None
    version: int | str | None
    stage: str | None
    strict: bool

    def checked(self) -> "Question":
        """Return itself. Raises ValueError or TypeError for what cannot be asked."""
        if (self.agent is None) == (self.name is None):
            raise TypeError(
                'Ask for an agent, prompt("StanAgent", status_key="APPROVED"), or for prompt(name="WELCOME").'
            )
        for word in (self.agent, self.status_key, self.name, self.stage):
            if not isinstance(word, str | None):
                raise TypeError(f"Agents, prompts, status keys and stages are texts, and this is {word!r}.")
        who = self.agent if self.agent is not None else self.name
        if who in {"", ".", ".."} or "/" in str(who):
            raise ValueError(f"No agent and no prompt is called {who!r}.")
        if isinstance(self.version, bool) or not isinstance(self.version, int | str | None):
            raise TypeError(f"A version is a number or a label such as 'v2.3', and this is {self.version!r}.")
        self._go_together()
        return self

    def _go_together(self) -> None:
        if self.agent is not None and (self.version is not None or self.stage is not None):
            raise TypeError("A version or a stage is asked for by the prompt's name: prompt(name=…, version=…).")
        if self.name is not None and (self.status_key is not None or self.strict):
            raise TypeError("status_key and strict go with an agent, not with a prompt's name.")
        if self.version is not None and self.stage is not None:
            raise TypeError("Ask for a version or for a stage, not for both.")

    @property
    def path(self) -> str:
        """The path that serves it."""
        if self.agent is not None:
            return f"/v1/agents/{quote(self.agent, safe='')}/prompt"
        return f"/v1/prompts/{quote(self.name or '', safe='')}/active"

    @property
    def params(self) -> dict[str, str]:
        """The query that goes with the path."""
        said = {"status_key": self.status_key, "version": self.version, "stage": self.stage}
        strict = {"strict": "1"} if self.strict else {}
        return {**{key: str(value) for key, value in said.items() if value is not None}, **strict}

    def __str__(self) -> str:
        if self.agent is not None:
            return f"agent '{self.agent}'" + (f", status key '{self.status_key}'" if self.status_key else "")
        more = (
            f", version {self.version}" if self.version is not None else f", stage {self.stage}" if self.stage else ""
        )
        return f"prompt '{self.name}'{more}"

    def is_answered_by(self, served: dict[str, Any]) -> bool:
        """Whether this is what was asked for: never another agent's, state's, prompt's, version's or stage's text."""
        if self.agent is not None:
            # The answer names the state that was asked: a proxy may have kept that of another one.
            same = not self.status_key or served["status_key"] == self.status_key
            exact = not self.strict or self.status_key in {None, served["served_status_key"]}
            fine = bool(served["agent"] == self.agent) and same and exact
        else:
            fine = bool(served["prompt"] == self.name)
        if self.version is not None:
            said = str(self.version)
            return fine and (said == str(served["version"]) or said.lstrip("v") == str(served["label"]).lstrip("v"))
        return fine and bool(served["stage"] == (self.stage or "PRD"))
