"""What a person saw when they pressed. A late press is refused and changes nothing (SPEC 2)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versions.exceptions import StaleView

if TYPE_CHECKING:
    from versions.models import PromptVersion


@dataclass(frozen=True)
class Seen:
    """The stage and revision a button was drawn with; None where a script does not say."""

    stage: str | None = None
    revision: int | None = None

    @classmethod
    def of(cls, version: "PromptVersion") -> "Seen":
        """What somebody who looks at this version now has seen."""
        return cls(version.stage, version.revision)

    def check(self, version: "PromptVersion", **data: Any) -> None:
        """Raise StaleView unless the freshly read version still is what was seen; `data` goes into the answer."""
        now = {"stage": version.stage, "revision": version.revision, **data}
        if self.stage is not None and self.stage != version.stage:
            raise StaleView(
                f"{version.label} is in {version.stage} now; you saw it in {self.stage}. Nothing was changed.",
                **now,
            )
        if self.revision is not None and self.revision != version.revision:
            raise StaleView(
                f"{version.label} was edited since you looked: it is at revision {version.revision}, "
                f"you saw {self.revision}. Nothing was changed.",
                **now,
            )


ANYTHING = Seen()
