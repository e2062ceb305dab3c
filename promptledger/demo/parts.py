"""The parts classifier, and the prompts of the teams around it."""

from typing import Any

from promptledger.demo.timeline import AgentStory, Move, Story

CLASSIFIER = AgentStory(
    name="PartsClassifier",
    description="Sorts new parts from suppliers' lists into the catalogue, with a second look where it is not sure.",
    primary_status_key="default",
    when="119, 13:00",
)
RELEASE_NOTES = AgentStory(
    name="ReleaseNotesWriter",
    description="Turns merged changes into notes for users. Nothing of it is in production yet.",
    primary_status_key="default",
    when="16, 10:00",
)

CATEGORIES = [
    "bearings", "belts_and_chains", "electrical", "fasteners", "filters", "hydraulics", "motors", "pneumatics",
    "seals", "sensors", "tools", "other",
]  # fmt: skip


def answers(name: str, **properties: Any) -> dict[str, Any]:
    """A config whose answers are JSON objects with exactly these properties."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "temperature": 0,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": schema},
        },
    }


TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "number"}, {"type": "boolean"}
CATEGORY = {"type": "string", "enum": CATEGORIES}
PART = {
    "part_number": "As the supplier writes it",
    "title": "The supplier's title, any language",
    "manufacturer": "Maker's name, may be blank",
}
DEEP_GROOVE = {
    "part_number": "6205-2RS1",
    "title": "Deep groove ball bearing 25x52x15",
    "manufacturer": "Norrland Bearings",
}
SEAL_KIT = {
    "part_number": "CDQ2-32-PS",
    "title": "Repair kit for cylinder 32 mm",
    "manufacturer": "Airmotion",
}

CLASSIFY = Story(
    name="PartsClassifier.default",
    agent=CLASSIFIER.name,
    file="parts_default.txt",
    config=answers("category_of_part", part_number=TEXT, category=CATEGORY, confidence=NUMBER, reason=TEXT),
    prompt={
        "title": "Category of a part",
        "description": "Gives one of twelve catalogue categories for a part from a supplier's list.",
        "owner_team": "Catalogue data",
        "tags": ["classification", "catalogue", "json"],
        "metadata": {
            "inputs": PART,
            "outputs": {
                "category": "One of the catalogue's categories",
                "confidence": "0 to 1; under 0.7 goes to the second look",
                "reason": "At most 15 words",
            },
        },
    },
    moves=(
        Move("119, 13:30", "engineer", "start", data={"commit_message": "Twelve categories, one JSON object"}),
        Move("118, 10:00", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("114, 11:20", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "91 of 100 sample parts right"}),
        Move(
            "88, 09:50", "engineer", "create", "v1.0",
            changes=(
                (
                    "3. A kit belongs where its most expensive piece belongs.",
                    "3. A kit belongs where its most expensive piece belongs. A repair kit for a cylinder is seals.",
                ),
            ),
            data={"commit_message": "Repair kits for cylinders are seals, not pneumatics"},
        ),
        Move("87, 14:30", "engineer", "promote", "v1.1", data={"to": "TST"}),
        Move("85, 10:10", "manager", "promote", "v1.1", data={"to": "PRD", "reason": "94 of 100 sample parts right"}),
        Move(
            "70, 15:00", "engineer", "create", "v1.1",
            changes=(
                (
                    "1. Read the title first. The noun in it says what the part is; adjectives and measures do not.",
                    "1. Translate the title into English for yourself, then read it: the noun says what the part is.",
                ),
            ),
            data={"commit_message": "Titles in other languages: translate first"},
        ),
        Move("69, 09:20", "engineer", "promote", "v1.2", data={"to": "TST"}),
        Move("66, 11:30", "engineer", "archive", "v1.2"),
        Move(
            "63, 10:40", "engineer", "create", "v1.1",
            changes=(
                (
                    "1. Read the title first. The noun in it says what the part is; adjectives and measures do not.",
                    "1. Read the title first, in whatever language it is. The noun in it says what the part is; adjectives\n"
                    "   and measures do not.",
                ),
            ),
            data={"commit_message": "Titles in other languages, without a translation step that loses part numbers"},
        ),
        Move("62, 09:00", "engineer", "promote", "v1.3", data={"to": "TST"}),
        Move("59, 13:25", "manager", "promote", "v1.3", data={"to": "PRD", "reason": "German and Italian lists checked"}),
        Move(
            "31, 10:15", "engineer", "create", "v1.3",
            changes=(
                (
                    "   choose the nearest one with a low confidence.",
                    "   choose the nearest one with a low confidence.\n"
                    "5. Confidence is 0.9 and more only if the title names the category's noun; 0.5 to 0.7 if only the part\n"
                    "   number or the manufacturer speaks for it; less if you are guessing.",
                ),
            ),
            data={"bump": "major", "commit_message": "Say what confidence means, so that the second look gets the right ones"},
        ),
        Move("30, 14:45", "engineer", "promote", "v2.0", data={"to": "TST"}),
        Move("28, 09:35", "engineer", "edit", "v2.0",
             changes=(("less if you are guessing.", "less than 0.5 if you are guessing."),),
             data={"commit_message": "A number for guessing, too"}),
        Move("27, 10:30", "manager", "promote", "v2.0", data={"to": "PRD", "reason": "Second look gets 8 % of parts, was 31 %"}),
        Move(
            "8, 13:10", "engineer", "create", "v2.0",
            changes=(("seals, sensors,\ntools, other", "seals, sensors,\nsafety, tools, other"),),
            data={
                "commit_message": "New category: safety",
                "config": answers(
                    "category_of_part", part_number=TEXT, category={"type": "string", "enum": sorted([*CATEGORIES, "safety"])},
                    confidence=NUMBER, reason=TEXT,
                ),
            },
        ),
        Move("5, 10:35", "engineer", "promote", "v2.1", data={"to": "TST"}),
        Move("5, 10:40", "engineer", "test", "v2.1", data={"variables": SEAL_KIT}),
        Move(
            "4, 09:10", "engineer", "examples",
            data={"file": "parts_examples.jsonl", "note": "What a model has to be told about each part"},
        ),
        # Offline, and the filled prompt is the answer: what is scored is what a model would be told.
        Move(
            "4, 09:30", "manager", "policy",
            data={
                "threshold": 0.9, "scorer": {"type": "contains"}, "required_approvals": 1, "min_examples": 20,
                "max_drop": 0.02, "must_pass": ["catalogue"], "provider": "offline",
            },
        ),
        Move(
            "1, 14:15", "engineer", "create", "v2.0",
            changes=(('"reason": "at most 15 words"}', '"reason": "the words of the title that decided"}'),),
            data={"commit_message": "Reason: quote the title instead of retelling it"},
        ),
        Move("1, 14:20", "engineer", "test", "v2.2", data={"variables": DEEP_GROOVE}),
    ),
)  # fmt: skip

SECOND_LOOK = Story(
    name="PartsClassifier.LOW_CONFIDENCE",
    agent=CLASSIFIER.name,
    file="parts_low_confidence.txt",
    config=answers(
        "second_look", part_number=TEXT, category=CATEGORY, confidence=NUMBER, changed=FLAG, needs_person=FLAG, evidence=TEXT
    ),
    prompt={
        "status_key": "LOW_CONFIDENCE",
        "title": "Second look at a part",
        "description": "Checks the first answer where its confidence is low, and sends the rest to a person.",
        "owner_team": "Catalogue data",
        "tags": ["classification", "catalogue", "json"],
        "metadata": {
            "inputs": PART | {"first_answer": "JSON of the first look", "threshold": "Confidence under which we ask again"},
            "outputs": {"category": "One of the catalogue's categories", "needs_person": "true: shown to a person"},
        },
    },
    moves=(
        Move("83, 13:20", "engineer", "start", data={"commit_message": "Second look, with part number families"}),
        Move("81, 09:40", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("78, 15:10", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "Halves the daily list for people"}),
        Move(
            "47, 10:20", "engineer", "create", "v1.0",
            changes=(
                (
                    "Do not use a prefix that you are not sure of.",
                    "Do not use a prefix that you are not\n   sure of, and never one that is shorter than three characters.",
                ),
            ),
            data={"commit_message": "Short prefixes lied: at least three characters"},
        ),
        Move("46, 11:00", "engineer", "promote", "v1.1", data={"to": "TST"}),
        Move("44, 09:15", "manager", "promote", "v1.1", data={"to": "PRD"}),
    ),
)  # fmt: skip

JUDGE = Story(
    name="answer-judge",
    file="answer_judge.txt",
    config=answers("grades", facts=NUMBER, complete=NUMBER, nothing_added=NUMBER, readable=NUMBER, score=NUMBER, why=TEXT),
    prompt={
        "title": "Grades a support answer",
        "description": "Compares an answer of the support agent with the one that an experienced colleague gave.",
        "owner_team": "Quality",
        "tags": ["evaluation", "json"],
        "metadata": {
            "inputs": {
                "input": "Question and data that the agent had",
                "expected": "The colleague's answer",
                "actual": "The agent's answer",
            },
            "outputs": {"score": "0 to 1, the mean of four points", "why": "One sentence"},
        },
    },
    moves=(
        Move("76, 10:30", "engineer", "start", data={"commit_message": "Four points, one score"}),
        Move("75, 14:00", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move("73, 09:25", "manager", "promote", "v1.0", data={"to": "PRD", "reason": "Agrees with people on 47 of 50 answers"}),
        Move(
            "51, 11:45", "engineer", "create", "v1.0",
            changes=(("Do not reward length.", "Do not reward length, politeness or lists."),),
            data={"commit_message": "Bullet points were graded up: say that form does not count"},
        ),
        Move("50, 10:00", "engineer", "promote", "v1.1", data={"to": "TST"}),
        Move("48, 16:05", "manager", "promote", "v1.1", data={"to": "PRD", "reason": "Agrees with people on 49 of 50 answers"}),
        Move("33, 09:05", "manager", "describe", data={"tags": ["evaluation", "json", "support"]}),
        Move(
            "3, 13:55", "engineer", "create", "v1.1",
            changes=(
                (
                    "- facts: every order number, part number, date and amount agrees with the data. One wrong digit is 0.",
                    "- facts: every order number, part number, date and amount agrees with the data. One wrong digit is 0;\n"
                    "  another way to write the same date or amount is 1.",
                ),
            ),
            data={"commit_message": "Dates in another format are not wrong"},
        ),
    ),
)  # fmt: skip

NOTES = Story(
    name="ReleaseNotesWriter.default",
    agent=RELEASE_NOTES.name,
    file="release_notes.json",
    config={"provider": "openai", "model": "gpt-4o-mini", "temperature": 0.4},
    prompt={
        "type": "chat",
        "title": "Release notes from merged changes",
        "description": "Writes what users notice of a release, with one example in the prompt.",
        "owner_team": "Ordering system",
        "tags": ["writing", "internal"],
        "metadata": {
            "inputs": {
                "release": "Number of the release",
                "changes": "Titles of merged changes, one a line",
                "max_lines": "How long the notes may be",
            },
            "outputs": {"notes": "Markdown with at most three headings"},
        },
    },
    moves=(
        Move("16, 10:20", "engineer", "start", data={"commit_message": "One example is enough to fix the form"}),
        Move("14, 15:15", "engineer", "promote", "v1.0", data={"to": "TST"}),
        Move(
            "13, 09:55", "engineer", "edit", "v1.0",
            changes=(("Leave out refactoring, tests and build changes.", "Leave out refactoring, tests, builds and translations."),),
            data={"commit_message": "Translations are not news"},
        ),
        Move(
            "3, 16:25", "engineer", "create", "v1.0",
            changes=(
                (
                    "- Where something must be done by the user, add a line that starts with \"Please\".",
                    "- Where something must be done by the user, put that line first in its group. It starts with \"Please\".",
                ),
            ),
            data={"commit_message": "What users must do comes first"},
        ),
    ),
)  # fmt: skip

AGENTS = (CLASSIFIER, RELEASE_NOTES)
STORIES = (CLASSIFY, SECOND_LOOK, JUDGE, NOTES)
