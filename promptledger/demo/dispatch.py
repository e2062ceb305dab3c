"""The dispatch agent, whose prompts live in git: its deployments register what it runs (tracking mode)."""

from promptledger.demo.timeline import AgentStory, Move, Story

AGENT = AgentStory(
    name="DispatchAgent",
    description="Writes to customers when something about a parcel changes. Git owns its prompts; deployments register them.",
    primary_status_key="default",
    when="75, 08:40",
)
TEAM = "Logistics"
CONFIG = {"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.2, "max_tokens": 200}

# One commit is one deployment: both prompts come from it where both changed.
FIRST, SHORTER, NO_LINKS, BRANCH, BACK, NEXT = (
    "5be1f0c7d2a94e83b6f1a7c09d3e5f2481b6c9aa", "c04d9e1b7f3a52886ed1f4b0a97c35d2e8f61b03",
    "91f7a3d5c2e8406bb47d0e6f1c8a9b3275de40f1", "e8b26f40d19c7a35f0d4b1e7c6a8392f5d70be14",
    "2ac7d81e6b0f49537c9e1d5ab8f3064e27d1c9b5", "7d3e95b1a0c8f2646f1b8de3c5792a04e6b7f0d8",
)  # fmt: skip

DEFAULT = Story(
    name="DispatchAgent.default",
    agent=AGENT.name,
    file="dispatch_default.txt",
    config=CONFIG,
    prompt={"status_key": "default", "title": "Parcel news"},
    moves=(
        Move("75, 09:05", "deployment", "register", data={"commit": FIRST, "age": 35}),
        Move(
            "75, 11:30", "engineer", "describe",
            data={
                "description": "The message about any change of a parcel that has no prompt of its own.",
                "owner_team": TEAM,
                "tags": ["logistics", "customer-facing", "from-code"],
                "metadata": {
                    "inputs": {
                        "event": "What the carrier reported, as JSON",
                        "parcel": "Tracking number and what is in it",
                        "customer_name": "How the customer wants to be addressed",
                        "language": "Language of the message, as an English word",
                    },
                    "outputs": {"message": "One message as plain text"},
                },
            },
        ),
        Move(
            "48, 14:20", "deployment", "register", "v1.0",
            changes=(("at most 320 characters: it may go out as two text messages.", "at most 160 characters: it goes out as a text message."),),
            data={"commit": SHORTER, "age": 50},
        ),
        Move(
            "31, 10:10", "deployment", "register", "v2.0",
            changes=(
                (
                    "- Never put a link into the message other than the one in the data.",
                    "- Never put a link into the message, not even the one in the data: text messages with links are blocked.",
                ),
            ),
            data={"commit": NO_LINKS, "age": 25},
        ),
        # An old instance restarts and registers what it was built with: recorded, and nothing changes.
        Move("30, 03:15", "deployment", "register", "v2.0", data={"commit": SHORTER, "age": 18 * 24 * 60}),
        Move("12, 16:05", "deployment", "register", "v1.0", data={"commit": BACK, "age": 15}),
        Move(
            "3, 09:45", "deployment", "register", "v4.0",
            changes=(("without greetings and without exclamation marks.", "without greetings, exclamation marks and emoji."),),
            data={"commit": NEXT, "age": 20, "environment": "tst"},
        ),
    ),
)  # fmt: skip

DELAYED = Story(
    name="DispatchAgent.DELAYED",
    agent=AGENT.name,
    file="dispatch_delayed.json",
    config=CONFIG,
    prompt={"type": "chat", "status_key": "DELAYED", "title": "Parcel is late"},
    moves=(
        Move("48, 14:21", "deployment", "register", data={"commit": SHORTER, "age": 51}),
        Move(
            "47, 09:30", "engineer", "describe",
            data={
                "description": "Says that a parcel comes late, when, why, and what helps until then.",
                "owner_team": TEAM,
                "tags": ["logistics", "customer-facing", "from-code"],
                "metadata": {
                    "inputs": {
                        "language": "Language of the message, as an English word",
                        "new_date": "The carrier's new date, or unknown",
                        "reason": "The carrier's reason, in the carrier's words",
                        "nearest_branch": "The nearest branch that has the part, or none",
                        "tracking_number": "As the carrier prints it",
                        "customer_name": "How the customer wants to be addressed",
                        "promised_date": "What we had promised",
                    },
                    "outputs": {"message": "One message as plain text"},
                },
            },
        ),
        Move(
            "20, 11:50", "deployment", "register", "v1.0",
            changes=(
                (
                    "the branch that has the part in stock ({{ nearest_branch }}), if there is one.",
                    "the branch that has the part in stock ({{ nearest_branch }}), with its opening hours, if there is one.",
                ),
            ),
            data={"commit": BRANCH, "age": 40},
        ),
    ),
)  # fmt: skip

STORIES = (DEFAULT, DELAYED)
