"""Questions that are asked all the time: put into SQL once by each connection, not each time.

To make a query and put it into SQL takes Django several times as long as to ask it (docs/adr/0029). What is kept
depends on the models and the kind of database alone, never on a row, so it cannot go stale.

    FIND = Prepared(lambda: Prompt.objects.filter(name=Given("name")))
    FIND.first(name="greeting")
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError


class Given(models.Expression):
    """A value that is said when the question is asked; a text, unless it says otherwise. Nothing equals None."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any] | None" = None) -> None:
        super().__init__(output_field=output_field or models.TextField())
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """A placeholder; this stands where its value will."""
        return "%s", (self,)

    def value(self, given: dict[str, Any], connection: Any) -> Any:
        """The value, as this database takes it."""
        return self.output_field.get_db_prep_value(given[self.name], connection)


@dataclass(frozen=True)
class Plan:
    """A question as one connection asks it, and how rows of the answer become objects."""

    sql: str
    parameters: tuple[Any, ...]
    converters: list[Any]
    make: Callable[..., Any]
    columns: list[str]
    own: slice
    related: list[Any]
    annotations: list[tuple[str, int]]
    locks: bool


class Prepared[M: models.Model]:
    """A queryset of whole objects, with `Given` values. select_related, annotations and row locks are as it says."""

    def __init__(self, build: Callable[[], "models.QuerySet[M]"]) -> None:
        self.build = build

    def all(self, **given: Any) -> list[M]:
        """The objects that fit, read now."""
        connection: Any = connections[DEFAULT_DB_ALIAS]
        plans = vars(connection).setdefault("prepared", {})
        plan = plans.get(self)
        if plan is None:
            plan = plans[self] = self._plan(connection)
        if plan.locks and connection.get_autocommit():
            raise TransactionManagementError("A row lock ends with its transaction, and there is none.")
        values = [part.value(given, connection) if isinstance(part, Given) else part for part in plan.parameters]
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, values)
            rows = cursor.fetchall()
        return [_object(plan, list(row), connection) for row in rows]

    def first(self, **given: Any) -> M | None:
        """The first of them, or None."""
        return next(iter(self.all(**given)), None)

    def _plan(self, connection: Any) -> Plan:
        rows: Any = self.build()
        mode = rows._fetch_mode
        compiler = rows.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        selected, about, alias = compiler.select, compiler.klass_info, connection.alias
        start, end = about["select_fields"][0], about["select_fields"][-1] + 1
        model = about["model"]
        return Plan(
            sql,
            tuple(parameters),
            list(compiler.get_converters([one[0] for one in selected]).items()),
            lambda columns, values: model.from_db(alias, columns, values, fetch_mode=mode),
            [one[0].target.attname for one in selected[start:end]],
            slice(start, end),
            get_related_populators(about, selected, alias, mode),
            list((compiler.annotation_col_map or {}).items()),
            rows.query.select_for_update and connection.features.has_select_for_update,
        )


def _object(plan: Plan, row: list[Any], connection: Any) -> Any:
    """What Django makes of a row (ModelIterable)."""
    for place, (converters, expression) in plan.converters:
        for converter in converters:
            row[place] = converter(row[place], expression, connection)
    made = plan.make(plan.columns, row[plan.own])
    for related in plan.related:
        related.populate(row, made)
    for name, place in plan.annotations:
        setattr(made, name, row[place])
    return made
