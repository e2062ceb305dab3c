"""Agents whose prompts are defined in code: they register them, load what is live for their state, and fill it in.

class SimpleAgent(CodePrompts):
    def __init__(self):
        super().__init__(client=PromptLedger())
        self.register_code_defined_prompt(TEXT, "default", "Default SimpleAgent Prompt", is_primary_default=True)
"""

import logging
import os
from dataclasses import dataclass
from typing import Any

from promptledger_client.client import PromptLedger
from promptledger_client.errors import NotFound, PromptLedgerError, Refused, Unavailable
from promptledger_client.prompts import FALLBACK, Prompt, Text, WhenGone
from promptledger_client.served import sha256

LAST_KEYS = ("default", "NOT_REGISTERED")  # where the ledger's own fallback ends
OWNED_BY_PEOPLE = "wrong_mode"

logger = logging.getLogger("promptledger_client")


class NothingLoaded(PromptLedgerError):
    """A prompt is filled in before one was loaded."""

    code = "nothing_loaded"


@dataclass(frozen=True)
class CodePrompt:
    """A prompt as code declares it."""

    text: Text
    status_key: str
    title: str | None
    is_primary_default: bool


class CodePrompts:
    """A base class, or a mixin, for agents whose prompts live in code.

    The ledger knows the agent by `agent_name`, by default the name of its class. `current_prompt_template` is None
    until `load_active_prompt_template` found one; `current_prompt` is the same with version, label, hash and source.
    What a deploy knows goes along with each registration: PROMPTLEDGER_ENVIRONMENT (dev, tst, prd),
    PROMPTLEDGER_COMMIT, PROMPTLEDGER_COMMITTED_AT, or the attributes of the same names.
    """

    agent_name: str = ""
    environment: str | None = None
    commit: str | None = None
    committed_at: str | None = None

    current_prompt: Prompt | None = None
    current_prompt_template: str | list[dict[str, str]] | None = None
    template_vars: list[str] = []

    def __init__(self, *arguments: Any, client: PromptLedger | None = None, agent_name: str = "", **more: Any) -> None:
        """Other arguments go on to the next class. Without a client the agent makes one by the environment."""
        super().__init__(*arguments, **more)
        if client is not None:
            self.client = client
        if agent_name:
            self.agent_name = agent_name

    @property
    def client(self) -> PromptLedger:
        """The agent's client, made at its first use where none was given."""
        made: PromptLedger | None = self.__dict__.get("_ledger_client")
        if made is None:
            made = self.__dict__["_ledger_client"] = PromptLedger()
        return made

    @client.setter
    def client(self, client: PromptLedger) -> None:
        self.__dict__["_ledger_client"] = client

    def register_code_defined_prompt(
        self, text: Text, status_key: str, prompt_name: str | None = None, is_primary_default: bool = False
    ) -> dict[str, Any] | None:
        """Register what this code says in a state; `prompt_name` is the title that people read.

        The ledger makes a version when the text is new. Returns its result, or None when it cannot be asked: then the
        text stands in until a later load reaches it. None too where people own the prompt (full mode): theirs counts.
        Raises Refused for what the ledger refuses otherwise.
        """
        prompt = CodePrompt(text, status_key, prompt_name, is_primary_default)
        self._code_prompts()[status_key] = prompt
        self._pending()[status_key] = prompt
        return self._register_pending().get(status_key)

    def load_active_prompt_template(self, status_key: str) -> bool:
        """Load what is live for a state; True when there is something.

        The ledger's fallback holds: the state, the agent's primary state, `default`, `NOT_REGISTERED`. With the ledger
        gone the last good text is loaded, else the one in this code. False, and nothing loaded, where the ledger says
        that nothing is live: a text of another state is never left standing.
        """
        self._register_pending()
        in_code = self._of_code(status_key)
        found: Prompt | None
        try:
            fallback = None if in_code is None else WhenGone(in_code.template)
            found = self.client.prompt(self._agent(), status_key=status_key, fallback=fallback)
            if in_code is not None and found.source == FALLBACK:
                found = in_code.told(FALLBACK, found.problem)
        except NotFound as error:
            in_code = None if in_code is None else in_code.told(FALLBACK, str(error))
            found = None if self._is_live_code() else in_code
        self.current_prompt = found
        self.current_prompt_template = None if found is None else found.template
        self.template_vars = [] if found is None else found.variables
        return found is not None

    def get_filled_system_prompt(self, **values: Any) -> Any:
        """Fill in what was loaded: a text, or a chat's messages. Raises NothingLoaded, and as Prompt.render."""
        if self.current_prompt is None:
            raise NothingLoaded(
                "Call load_active_prompt_template(status_key) first; it is True when there is a prompt."
            )
        return self.current_prompt.render(values)

    def _register_code_defined_prompt(
        self,
        code_prompt_text: Text,
        status_key: str,
        prompt_name: str | None = None,
        is_primary_default: bool = False,
    ) -> dict[str, Any] | None:
        return self.register_code_defined_prompt(code_prompt_text, status_key, prompt_name, is_primary_default)

    def _load_active_prompt_template(self, status_key: str) -> bool:
        return self.load_active_prompt_template(status_key)

    def _get_filled_system_prompt(self, **values: Any) -> Any:
        return self.get_filled_system_prompt(**values)

    def _agent(self) -> str:
        return self.agent_name or type(self).__name__

    def _code_prompts(self) -> dict[str, CodePrompt]:
        """What this code declares, by status key."""
        return self.__dict__.setdefault("_declared", {})  # type: ignore[no-any-return]

    def _pending(self) -> dict[str, CodePrompt]:
        """What the ledger does not know yet."""
        return self.__dict__.setdefault("_to_register", {})  # type: ignore[no-any-return]

    def _is_live_code(self) -> bool:
        """Whether the ledger knows all of this code's texts as live: then its 404 stands."""
        return not self._pending() and self._said("environment") in {None, "prd"}

    def _said(self, name: str) -> str | None:
        return getattr(self, name, None) or os.environ.get(f"PROMPTLEDGER_{name.upper()}") or None

    def _register_pending(self) -> dict[str, dict[str, Any]]:
        """Register what is due, in one call where the ledger takes all of it; the results by status key."""
        due = dict(self._pending())
        return self._register(due) if due and not self.client.is_waiting else {}

    def _register(self, due: dict[str, CodePrompt]) -> dict[str, dict[str, Any]]:
        try:
            results = self.client.register([self._item(prompt) for prompt in due.values()])
        except Unavailable as error:
            logger.warning("The prompts of %s are not registered, their texts stand in: %s", self._agent(), error)
            return {}
        except Refused as error:
            return self._one_by_one(due) if len(due) > 1 else self._refused(next(iter(due)), error)
        for status_key in due:
            self._pending().pop(status_key, None)
        return dict(zip(due, results, strict=True))

    def _one_by_one(self, due: dict[str, CodePrompt]) -> dict[str, dict[str, Any]]:
        """Register each for itself, as one of them is refused."""
        found: dict[str, dict[str, Any]] = {}
        for status_key, prompt in due.items():
            if not self.client.is_waiting:
                found.update(self._register({status_key: prompt}))
        return found

    def _refused(self, status_key: str, error: Refused) -> dict[str, dict[str, Any]]:
        """A refusal is raised once, unless people own the prompt: then theirs counts, and the one in code no longer."""
        self._pending().pop(status_key, None)
        if error.code != OWNED_BY_PEOPLE:
            raise error
        logger.warning("%s of %s stays as people have it: %s", status_key, self._agent(), error)
        return {}

    def _item(self, prompt: CodePrompt) -> dict[str, Any]:
        text = prompt.text if isinstance(prompt.text, str) else [dict(part) for part in prompt.text]
        item = {
            "agent": self._agent(), "status_key": prompt.status_key, "template_source": text, "title": prompt.title,
            "is_primary_default": prompt.is_primary_default or None, "type": None if isinstance(text, str) else "chat",
            "template_hash": sha256(text) if isinstance(text, str) else None,
            **{name: self._said(name) for name in ("environment", "commit", "committed_at")},
        }  # fmt: skip
        return {key: value for key, value in item.items() if value is not None}

    def _of_code(self, status_key: str) -> Prompt | None:
        """This code's text for a state, by the same fallback as the ledger's; None where it has none."""
        declared = self._code_prompts()
        primary = [key for key, prompt in declared.items() if prompt.is_primary_default]
        for key in (status_key, *primary[-1:], *LAST_KEYS):
            if key in declared:
                return Prompt.of_code(
                    declared[key].text, agent=self._agent(), name=None, status_key=status_key,
                    served_status_key=key,
                )  # fmt: skip
        return None
