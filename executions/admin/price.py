"""Prices of models in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.actors import person
from executions.models import ModelPrice


@admin.register(ModelPrice)
class ModelPriceAdmin(admin.ModelAdmin):
    """Made, changed and deleted through the model's own methods, which write the ledger."""

    list_display = ("provider", "model", "input_per_million", "output_per_million", "valid_from", "source")
    list_filter = ("provider",)
    search_fields = ("model",)
    fields = ("provider", "model", "input_per_million", "output_per_million", "valid_from", "source")
    readonly_fields = ("source",)
    actions = None

    def save_model(self, request: HttpRequest, obj: ModelPrice, form: Any, change: bool) -> None:
        """Create or change with a ledger entry."""
        if change:
            ModelPrice.objects.get(pk=obj.pk).change(by=person(request), **form.cleaned_data)
        else:
            obj.pk = ModelPrice.create(by=person(request), **form.cleaned_data).pk

    def delete_model(self, request: HttpRequest, obj: ModelPrice) -> None:
        """With a ledger entry."""
        obj.remove(by=person(request))
