"""What a model costs, as an admin can change it; each change holds for what is run from then on (SPEC 6)."""

from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from operator import itemgetter
from typing import Any, Self

from django.core.validators import MinValueValidator
from django.db import models, transaction

from common.errors import Conflict
from common.text import validate_storable
from ledger import chain
from ledger.actors import Actor
from ledger.models import Chained

ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
MILLION = Decimal(1_000_000)
CENTS = Decimal("0.00000001")  # what an execution keeps


class ModelPriceQuerySet(models.QuerySet["ModelPrice"]):
    def best(self, provider: str, model: str, at: datetime) -> "ModelPrice | None":
        """The price that holds for a model at a moment: of this provider before any, exact before a pattern."""
        rows = self.filter(provider__in=(provider, ""), valid_from__lte=at)
        fitting = [(row.closeness(model), row) for row in rows if row.fits(model)]
        return max(fitting, key=itemgetter(0))[1] if fitting else None


class ModelPrice(Chained):
    """US dollars for a million tokens in and out, of a model or of all that fit a pattern, from a moment on."""

    provider = models.CharField(
        max_length=40, blank=True, default="", validators=[validate_storable],
        help_text="As the provider's settings call it; empty for any.",
    )  # fmt: skip
    model = models.CharField(
        max_length=200, validators=[validate_storable],
        help_text="A model's name, or a pattern: 'gpt-4o-mini', 'llama-*'.",
    )  # fmt: skip
    input_per_million = models.DecimalField(
        "US$ a million tokens in", max_digits=14, decimal_places=6, validators=[MinValueValidator(0)]
    )
    output_per_million = models.DecimalField(
        "US$ a million tokens out", max_digits=14, decimal_places=6, validators=[MinValueValidator(0)]
    )
    valid_from = models.DateTimeField(
        default=ALWAYS, help_text="Runs before it keep the price that they had, whatever is changed here."
    )
    source = models.CharField(max_length=100, blank=True, default="", editable=False)

    CHANGEABLE = ("provider", "model", "input_per_million", "output_per_million", "valid_from")

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        db_table = "model_prices"
        ordering = ("provider", "model", "-valid_from")
        constraints = (
            models.UniqueConstraint(fields=("provider", "model", "valid_from"), name="model_prices_one_at_a_time"),
            models.CheckConstraint(
                condition=models.Q(input_per_million__gte=0, output_per_million__gte=0),
                name="model_prices_not_negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.model} of {self.provider or 'any provider'} from {self.valid_from:%Y-%m-%d}"

    def fits(self, model: str) -> bool:
        """Whether it speaks of this model: by its name, whatever signs are in it, or by a pattern."""
        return self.names(model) or fnmatchcase(model.lower(), self.model.lower())

    def names(self, model: str) -> bool:
        """Whether it is this model's own."""
        return model.lower() == self.model.lower()

    def closeness(self, model: str) -> tuple[bool, bool, int, datetime]:
        """How exactly it speaks of a model that it fits: compares as greater the more exactly."""
        return bool(self.provider), self.names(model), len(self.model), self.valid_from

    def cost(self, prompt_tokens: int, response_tokens: int) -> Decimal:
        """US dollars for so many tokens."""
        cost = prompt_tokens * self.input_per_million + response_tokens * self.output_per_million
        return (cost / MILLION).quantize(CENTS)

    @classmethod
    def create(cls, *, by: Actor, **fields: Any) -> "ModelPrice":
        """Store a new one and its ledger entry. Raises ValidationError."""
        with transaction.atomic():
            row = cls(**fields)
            row.full_clean()
            row.save()
            row._log("price_created", by, {name: row._said(name) for name in cls.CHANGEABLE})
        return row

    def change(self, *, by: Actor, **fields: Any) -> Self:
        """Set fields of CHANGEABLE; past runs keep what they cost. Raises ValidationError. Returns it re-read."""
        with transaction.atomic():
            row = self._locked()
            before = {name: row._said(name) for name in self.CHANGEABLE}
            for name in self.CHANGEABLE:
                setattr(row, name, fields.get(name, getattr(row, name)))
            row.full_clean()
            changes = {
                name: {"from": said, "to": row._said(name)} for name, said in before.items() if said != row._said(name)
            }
            if changes:
                row.source = ""
                row._log("price_changed", by, {"changes": changes}, also=(*changes, "source"))
        return row

    def remove(self, *, by: Actor) -> None:
        """Delete it; a price that the library knows comes back when the model is next asked."""
        with transaction.atomic():
            row = self._locked()
            row._log("price_deleted", by, {name: row._said(name) for name in self.CHANGEABLE})
            row.delete()

    def _locked(self) -> Self:
        row = type(self).objects.select_for_update(no_key=True).filter(pk=self.pk).first()
        if row is None:
            raise Conflict("This price was deleted in the meantime.", code="gone")
        return row

    def _said(self, name: str) -> str:
        value = getattr(self, name)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat()
        return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)

    def _log(self, action: str, by: Actor, detail: dict[str, Any], also: tuple[str, ...] = ()) -> None:
        chain.append(self, by=by, entries=[chain.Entry(action=action, detail=detail)], also=also)
