"""The prompt that the scenarios of S0 tell of, made and moved over the API alone."""

from typing import Any

PROMPT = "Stan.APPROVED"
ROAD = {"DEV": (), "TST": ("TST",), "PRD": ("TST", "PRD")}


class Story:
    """One prompt; `story["v2.3"]` is that version as the API shows it now."""

    def __init__(self, api: Any, **stages: str) -> None:
        """Make versions v2.0 on, and take those named (v2_3="TST") to their stage in order; others are deleted.

        "RET" goes to PRD and is replaced by the next one that goes there.
        """
        self.api = api
        self.must("POST", "", {"name": PROMPT, "template_source": "Approved: {{ item }}"}, at="/prompts", status=201)
        self.act("v1.0", "create-new", {"bump": "major"}, status=201)
        wanted = {name.replace("_", "."): stage for name, stage in stages.items()}
        while self.newest() != list(wanted)[-1]:
            self.act(self.newest(), "create-new", {}, status=201)
        for one in self.must("GET", "/versions")["results"]:
            if one["label"] not in wanted:
                self.must("DELETE", f"/versions/{one['label']}", status=204)
        for label, stage in wanted.items():
            self.write(label, f"This is {label}: {{{{ item }}}}")
            for target in ROAD["PRD" if stage == "RET" else stage]:
                self.promote(label, target)
        assert self.stages() == wanted

    def must(
        self, method: str, path: str, body: Any = None, *, at: str = f"/prompts/{PROMPT}", status: int = 200
    ) -> Any:
        """Call, insist on the status, and return the JSON."""
        answer = self.api(method, f"{at}{path}", body)
        assert answer.status_code == status, answer.content
        return answer.json() if answer.content else None

    def __getitem__(self, label: str) -> dict[str, Any]:
        return self.must("GET", f"/versions/{label}")

    def act(self, label: str, action: str, body: Any, status: int = 200) -> Any:
        """Press a button of a version."""
        return self.must("POST", f"/versions/{label}/{action}", body, status=status)

    def write(self, label: str, text: str, status: int = 200) -> Any:
        """Edit a version's text."""
        return self.must("PATCH", f"/versions/{label}", {"template_source": text}, status=status)

    def promote(self, label: str, to: str, status: int = 200) -> Any:
        """Promote a version."""
        return self.act(label, "promote", {"to": to}, status)

    def test(self, label: str, item: str = "part 7") -> dict[str, Any]:
        """Run a version; its answer is what it was asked (the offline provider)."""
        return self.act(label, "test", {"variables": {"item": item}})

    def stages(self) -> dict[str, str]:
        """Which version stands where, by label, oldest first."""
        return {one["label"]: one["stage"] for one in reversed(self.must("GET", "/versions")["results"])}

    def newest(self) -> str:
        """The label of the newest version."""
        return self.must("GET", "/versions")["results"][0]["label"]

    def live(self) -> str:
        """What an agent gets."""
        return self.must("GET", "/active")["template_source"]

    def button(self, label: str, name: str) -> dict[str, Any] | None:
        """One entry of allowed_actions; None where the button is absent."""
        return next((one for one in self[label]["allowed_actions"] if one["name"] == name), None)
