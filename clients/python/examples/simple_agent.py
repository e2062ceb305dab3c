"""The smallest agent whose prompt lives in code.

    python examples/simple_agent.py [NAME]

It speaks with the ledger at PROMPTLEDGER_URL (http://127.0.0.1:8000), and goes on when that is gone.
"""

import sys

from promptledger_client import CodePrompts

TEXT = "You are a helpful assistant. Greet {{ name }} and answer in one sentence."


class SimpleAgent(CodePrompts):
    """One state, `default`."""

    def __init__(self) -> None:
        super().__init__()
        self.register_code_defined_prompt(
            TEXT, "default", prompt_name="Default SimpleAgent Prompt", is_primary_default=True
        )

    def system_prompt(self, name: str) -> str:
        """What a model would be sent."""
        self.load_active_prompt_template("default")
        return str(self.get_filled_system_prompt(name=name))


def main() -> None:
    """Print the filled prompt, and where it came from."""
    agent = SimpleAgent()
    print(agent.system_prompt(sys.argv[1] if len(sys.argv) > 1 else "Bo"))
    prompt = agent.current_prompt
    if prompt is not None:
        print(f"-- {prompt.name or 'the text in this file'} {prompt.label or ''} ({prompt.source})", file=sys.stderr)


if __name__ == "__main__":
    main()
