from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from features import FEATURES
from models.labels import ANSWERING_DAYS, coverage, features_digest, label, label_digest
from signals.outcomes import OUTCOMES
from signals.tables import CONTACTS

AS_OF = date(2026, 6, 1)
ROUND = date(2026, 3, 1)


def contact(household: int = 1, outcome: str | None = "no_need", **changes: object) -> dict[str, object]:
    told = {
        "household_key": household,
        "alert": "a1",
        "office": "1111051500",
        "lane": "risk",
        "selected_on": ROUND,
        "contacted_on": date(2026, 3, 20),
        "outcome": outcome,
        "benefit": None,
        "received_on": date(2026, 4, 1),
        "delivery": "d",
    }
    return told | changes


def labels(*contacts: dict[str, object]) -> list[tuple[int, int]]:
    taught = label(pl.DataFrame(contacts, schema=CONTACTS), AS_OF)
    return list(taught.select("household_key", "label").iter_rows())


@pytest.mark.parametrize("code", OUTCOMES)
def test_every_outcome_teaches_what_its_entry_says(code: str) -> None:
    expected = {"need": [(1, 1)], "no_need": [(1, 0)], "nothing": []}[OUTCOMES[code].teaches]
    assert labels(contact(outcome=code)) == expected


def test_an_answer_received_later_is_not_known() -> None:
    assert labels(contact(received_on=date(2026, 6, 1))) == [(1, 0)]
    assert labels(contact(received_on=date(2026, 6, 2))) == []


def test_nobody_contacted_teaches_nothing() -> None:
    assert labels(contact(contacted_on=None)) == []
    assert labels(contact(outcome=None)) == []


def test_one_label_per_household_and_round_and_the_last_answer_counts() -> None:
    first = contact(outcome="unreached", received_on=date(2026, 4, 1))
    second = contact(outcome="emergency", contacted_on=date(2026, 4, 9), received_on=date(2026, 4, 20))
    assert labels(second, first) == labels(first, second, second) == [(1, 1)]
    assert labels(first, second, contact(outcome="no_need", alert="a2", selected_on=date(2026, 4, 1))) == [
        (1, 1),
        (1, 0),
    ]
    taken_back = second | {"outcome": "mistaken", "received_on": date(2026, 5, 20)}
    assert labels(first, second, taken_back) == []


def test_a_sheet_and_the_register_teach_once() -> None:
    ours = contact(alert="A1", outcome="emergency")
    register = ours | {"selected_on": date(2026, 3, 2), "received_on": date(2026, 5, 1), "delivery": "ssis"}
    assert labels(ours, register) == labels(register, ours) == [(1, 1)]


def test_an_older_copy_that_arrives_later_teaches_nothing_new() -> None:
    newer = contact(outcome="emergency", contacted_on=date(2026, 4, 9), received_on=date(2026, 4, 10))
    older = contact(outcome="no_need", contacted_on=date(2026, 3, 20), received_on=date(2026, 5, 20))
    assert labels(newer, older) == labels(older, newer) == [(1, 1)]


def test_an_outcome_nobody_defined_is_an_error() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        labels(contact(outcome="fraud"))


def test_a_round_teaches_once_its_answering_time_is_over() -> None:
    """What has come in before is what was quick to answer."""
    last = AS_OF - timedelta(days=ANSWERING_DAYS)
    quick: dict[str, object] = {"contacted_on": last + timedelta(days=2), "received_on": last + timedelta(days=3)}
    over = contact(1, selected_on=last) | quick
    still = contact(2, selected_on=last + timedelta(days=1)) | quick
    assert labels(over, still) == [(1, 0)]
    told = coverage(pl.DataFrame([over, still], schema=CONTACTS), AS_OF)
    assert told.select("is_open", "answered", "matured").rows() == [(False, 1, 1), (True, 1, 0)]


def test_quick_answers_would_have_told_another_share_of_need() -> None:
    """Who is in need answers quickly here: on any day until the time is over, a round would look needier than it is."""
    told = [
        contact(n, "emergency" if n < 20 else "no_need", contacted_on=ROUND, alert=f"a{n}",
                received_on=ROUND + timedelta(days=5 if n < 20 else 40))
        for n in range(100)
    ]  # fmt: skip
    frame = pl.DataFrame(told, schema=CONTACTS)
    for days in (5, 39, ANSWERING_DAYS - 1):
        assert label(frame, ROUND + timedelta(days=days)).is_empty()
    assert label(frame, ROUND + timedelta(days=ANSWERING_DAYS))["label"].mean() == 0.2


def test_coverage_counts_each_household_and_round_once() -> None:
    told = pl.DataFrame(
        [
            contact(1, "emergency"),
            contact(1, "unreached", contacted_on=date(2026, 3, 10)),
            contact(2, "unreached"),
            contact(3, "watch"),
            contact(4, None, contacted_on=None),
            contact(5, "no_need", lane="explore"),
            contact(6, "emergency", received_on=date(2026, 6, 2)),
        ],
        schema=CONTACTS,
    )
    assert coverage(told, AS_OF).rows(named=True) == [
        {
            "selected_on": ROUND, "lane": "explore", "is_open": False,
            "selected": 1, "tried": 1, "answered": 1, "reached": 1,
            "matured": 1, "needs": 0,
        },
        {
            "selected_on": ROUND, "lane": "risk", "is_open": False,
            "selected": 4, "tried": 3, "answered": 3, "reached": 2,
            "matured": 1, "needs": 1,
        },
    ]  # fmt: skip


def test_the_digest_follows_the_definition() -> None:
    assert label_digest() == label_digest(dict(OUTCOMES))
    assert label_digest() != label_digest(name="need-v2")
    other = OUTCOMES | {"private_support": replace(OUTCOMES["private_support"], teaches="need")}
    assert label_digest(other) != label_digest()
    reworded = OUTCOMES | {"watch": replace(OUTCOMES["watch"], label_ko="지켜봄")}
    assert label_digest(reworded) == label_digest()


def test_the_digest_follows_every_feature() -> None:
    assert features_digest(FEATURES) == features_digest(tuple(FEATURES))
    first = FEATURES[0]
    for changed in (
        replace(first, monotone=0), replace(first, name="x"), replace(first, group="x"),
        replace(first, description="counted otherwise"), replace(first, empty=-1.0),
    ):  # fmt: skip
        assert features_digest((changed, *FEATURES[1:])) != features_digest(FEATURES)
    assert features_digest(FEATURES[::-1]) != features_digest(FEATURES)
