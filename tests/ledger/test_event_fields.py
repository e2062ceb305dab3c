"""The walk reads columns by place: fields of Event and columns of the model are the same, in the same order."""

from ledger.models import LedgerEvent
from ledger.verify import COLUMNS, Event


def test_an_event_has_the_columns_of_the_model():
    assert Event._fields == COLUMNS
    assert {*COLUMNS, "id"} == {field.attname for field in LedgerEvent._meta.concrete_fields}
