"""StanAgent: five states, five files, one loop.

    python examples/stan_agent/agent.py [STATUS_KEY]

It speaks with the ledger at PROMPTLEDGER_URL (http://127.0.0.1:8000), and goes on when that is gone.
"""

import runpy
import sys
from pathlib import Path

from promptledger_client import CodePrompts

PROMPTS = Path(__file__).parent / "prompts"
PRIMARY = "NOT_REGISTERED"


class StanAgent(CodePrompts):
    """Registers each file of `prompts/`: the status key is its name in capitals."""

    def __init__(self) -> None:
        super().__init__()
        for file in sorted(PROMPTS.glob("[!_]*.py")):
            status_key = file.stem.upper()
            self.register_code_defined_prompt(
                runpy.run_path(str(file))["TEXT"],
                status_key,
                prompt_name=f"StanAgent {file.stem.replace('_', ' ').title()} Prompt",
                is_primary_default=status_key == PRIMARY,
            )

    def system_prompt(self, status_key: str, **values: str) -> str:
        """What a model would be sent in this state; a state without a prompt gets that of the primary one."""
        if not self.load_active_prompt_template(status_key):
            raise LookupError(f"The ledger has no prompt for StanAgent in {status_key}.")
        return str(self.get_filled_system_prompt(**values))


def main() -> None:
    """Print the filled prompt, and where it came from."""
    agent = StanAgent()
    status_key = sys.argv[1] if len(sys.argv) > 1 else PRIMARY
    print(agent.system_prompt(status_key, name="Bo", missing="a passport", days="3", reason="the photo is blurred"))
    prompt = agent.current_prompt
    if prompt is not None:
        said = f"{prompt.name or 'the text in this folder'} {prompt.label or ''} ({prompt.source})"
        print(f"-- {prompt.status_key} is served by {prompt.served_status_key}: {said}", file=sys.stderr)


if __name__ == "__main__":
    main()
