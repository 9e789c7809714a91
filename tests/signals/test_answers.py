from datetime import date
from itertools import permutations
from typing import Any

import polars as pl

from signals.answers import last_told
from signals.tables import CONTACTS


def contact(contacted: int | None, received: int, outcome: str | None, **other: Any) -> dict[str, Any]:
    told = {
        "household_key": 1, "alert": "A1", "office": "1111051500", "lane": "risk", "selected_on": date(2026, 3, 1),
        "contacted_on": None if contacted is None else date(2026, 3, contacted), "outcome": outcome, "benefit": None,
        "received_on": date(2026, 4, received), "delivery": f"d{received}",
    }  # fmt: skip
    return told | other


SELECTED = contact(None, 1, None)
TRIED = contact(5, 2, "unreached")
SPOKEN = contact(9, 3, "no_need")
OLDER_COPY = contact(5, 20, "emergency")
NOTED = contact(15, 21, None)


def stands(*contacts: dict[str, Any]) -> str | None:
    """Of all orders the rows may come in, the one answer."""
    orders = [last_told(pl.DataFrame(order, schema=CONTACTS)) for order in permutations(contacts)]
    assert all(found.equals(orders[0]) for found in orders)
    assert orders[0].height == 1
    outcome: str | None = orders[0]["outcome"][0]
    return outcome


def test_the_newest_contact_stands_whenever_it_was_told() -> None:
    assert stands(SELECTED) is None
    assert stands(SELECTED, TRIED, SPOKEN) == "no_need"
    assert stands(SPOKEN, OLDER_COPY) == "no_need"
    assert stands(TRIED, OLDER_COPY) == "emergency", "one contact told twice: the later telling"


def test_a_row_without_an_outcome_takes_no_answer_away() -> None:
    assert stands(SPOKEN, NOTED) == "no_need"
    assert stands(TRIED, contact(None, 25, None)) == "unreached"


def test_each_household_and_alert_has_its_own() -> None:
    rows = [SPOKEN, TRIED | {"alert": "A2"}, OLDER_COPY | {"household_key": 2}]
    found = last_told(pl.DataFrame(rows, schema=CONTACTS))
    assert found.select("household_key", "alert", "outcome").rows() == [
        (1, "A1", "no_need"), (1, "A2", "unreached"), (2, "A1", "emergency"),
    ]  # fmt: skip
