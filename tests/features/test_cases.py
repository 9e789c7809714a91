"""Cases that officers and agencies would ask about, one by one, on the settled town (persons 1 and 2 live together)."""

from datetime import date, timedelta
from typing import Any

import pytest

from features import build, feature_list, prepare
from features.household import HOUSING_RANK
from signals.catalogue import SIGNALS
from tests.features import towns
from tests.features.towns import AS_OF, SETTLED

END = {10: date(2026, 10, 31), 9: date(2026, 9, 30), 8: date(2026, 8, 31), 6: date(2026, 6, 30), 4: date(2026, 4, 30)}


def told(signal: str, key: int, on: date, months: int | None = None, won: int | None = None, lag: int = 1) -> Any:
    return {
        "key": key,
        "key_kind": towns.SIGNALS[signal].key_kind,
        "signal": signal,
        "observed_on": on,
        "received_on": on + timedelta(days=lag),
        "months": months,
        "amount_won": won,
        "delivery": "a",
    }


def night(*observations: Any, **more: Any) -> tuple[dict[int, Any], dict[tuple[int, str], Any], dict[str, int]]:
    """Features and evidence by household, and the counts of what could not be used."""
    rows = {name: SETTLED[name] + more.get(name, []) for name in SETTLED}
    prepared = prepare(towns.known(rows | {"observations": list(observations)}), towns.SIGNALS)
    built = build(prepared)
    features = {row["household_key"]: row for row in built.features.to_dicts()}
    evidence = {(row["household_key"], row["signal"]): row for row in built.evidence.to_dicts()}
    return features, evidence, dict(prepared.counts)


def test_overdue_members_add_up_and_another_members_bill_is_no_arrears() -> None:
    features, evidence, _ = night(
        told("loan", 1, END[10], 2, 100), told("loan", 2, END[10], 5, 30),
        told("card", 1, END[10], 3, 100), told("card", 2, END[10], 0, 7000),
    )  # fmt: skip
    assert (evidence[-2, "loan"]["months"], evidence[-2, "loan"]["amount_won"]) == (5, 130)
    assert (evidence[-2, "card"]["months"], evidence[-2, "card"]["amount_won"]) == (3, 100)
    assert (features[-2]["card__owed_now"], features[-2]["card__billed_now"]) == (100, 7100)


def test_a_correction_takes_the_place_of_what_it_corrects() -> None:
    features, evidence, _ = night(told("loan", 1, END[10], 4, 900), told("loan", 1, END[10], 0, 0, lag=2))
    assert features[-2]["loan__months_now"] == 0
    assert not evidence


def test_arrears_not_told_in_the_latest_month_are_resolved() -> None:
    features, evidence, _ = night(told("loan", 1, END[9], 4, 900), told("loan", 3, END[10], 1, 5))
    assert (features[-2]["loan__resolved"], features[-2]["loan__months_now"]) == (1, 0)
    assert features[-2]["loan__days_since_last"] == (AS_OF - END[9]).days
    assert list(evidence) == [(-1, "loan")]


def test_told_twice_on_one_day_the_most_counts_and_never_the_sum() -> None:
    tellings = [told("loan", 1, END[10], 4, 900), told("loan", 1, END[10], 4, 50), told("loan", 1, END[10], 1, 990)]
    for ordered in (tellings, tellings[::-1]):
        _, evidence, _ = night(*ordered)
        assert (evidence[-2, "loan"]["months"], evidence[-2, "loan"]["amount_won"]) == (4, 900)


def test_a_file_without_any_of_a_rare_signal_resolves_it_all_the_same() -> None:
    features, evidence, _ = night(told("loan", 1, END[9], 4, 900), told("card", 4, END[10], 0, 5))
    assert features[-2]["loan__resolved"] == 1
    assert (-2, "loan") not in evidence


def test_what_happened_is_never_older_than_what_never_did() -> None:
    features, _, _ = night(told("illness", 1, date(2024, 5, 31)), told("loan", 1, date(2024, 5, 31), 2, 5))
    assert features[-2]["across__newest_days"] == features[-2]["loan__days_since_last"] == 730
    assert features[0]["across__newest_days"] == features[0]["loan__days_since_last"] == 731


def test_an_agency_that_tells_every_second_month_does_not_break_the_row() -> None:
    features, _, _ = night(*(told("loan", 1, END[month], 3, 10) for month in (10, 8, 6, 4)))
    assert features[-2]["loan__streak"] == 4
    assert features[-2]["loan__clear_share_12m"] == 0


def test_the_tenant_before_keeps_his_arrears() -> None:
    moved_in = [SETTLED["addresses"][2] | {"household_key": 1, "address_key": 23, "valid_from": date(2026, 10, 1)}]
    person = [SETTLED["residents"][0] | {"person_key": 9, "household_key": 1}]
    late, early = told("power", 23, END[10], 3, 10), told("power", 23, END[9], 9, 90)
    features, evidence, counts = night(late, early, addresses=moved_in, residents=person)
    assert evidence[1, "power"]["months"] == 3
    assert features[1]["power__months_max_24m"] == 3
    assert counts["address_without_household"] == 1


@pytest.mark.parametrize(("key", "households"), [(21, {-2, -1}), (31, {-2, -1, 0})], ids=["shared unit", "building"])
def test_a_notice_that_fits_several_is_counted_and_not_guessed(key: int, households: set[int]) -> None:
    features, evidence, counts = night(told("cut", key, END[10]))
    assert not evidence
    assert counts["ambiguous"] == 1
    noticed = {household for household, row in features.items() if row["address__ambiguous_notices"]}
    assert noticed == households


def test_nobody_is_dropped_in_silence() -> None:
    _, _, counts = night(told("loan", 99, END[10], 1), told("power", 99, END[10], 3), told("report", 99, END[10]))
    assert [counts[f"unknown_{kind}"] for kind in ("person", "address", "household")] == [1, 1, 1]


def test_a_person_in_two_households_counts_in_the_later_one() -> None:
    both = [SETTLED["residents"][0] | {"household_key": 0, "valid_from": date(2026, 1, 1)}]
    features, evidence, counts = night(told("loan", 1, END[10], 2, 100), residents=both)
    assert counts["person_in_two_households"] == 1
    assert list(evidence) == [(0, "loan")]
    assert (features[-2]["household__members"], features[0]["household__members"]) == (1, 2)


def test_an_emptied_household_leaves_and_is_counted() -> None:
    died = [SETTLED["residents"][2] | {"valid_to": date(2026, 5, 1), "received_on": date(2026, 6, 1)}]
    features, _, counts = night(residents=died)
    assert -1 not in features
    assert counts["ended_households"] == 1


def test_not_covered_housing_is_not_zero() -> None:
    row_house = [SETTLED["addresses"][2] | {"housing": "one_room", "received_on": date(2026, 6, 1)}]
    features, _, _ = night(told("gas", 77, END[10], 2, 10), addresses=row_house)
    assert features[0]["gas__months_now"] != features[0]["gas__months_now"]
    assert features[-2]["gas__months_now"] == 0


def test_every_kind_of_housing_has_a_rank() -> None:
    assert len(HOUSING_RANK) == len(set(HOUSING_RANK.values())) == 7


def test_constraints_point_where_more_is_worse() -> None:
    signs = {feature.name: feature.monotone for feature in feature_list(SIGNALS)}
    assert signs["power_arrears__months_now"] == 1
    assert signs["power_arrears__days_since_last"] == -1
    assert signs["health_premium__level_now"] == -1
    assert signs["card_arrears__billed_now"] == signs["power_arrears__resolved"] == 0
    assert {sign for name, sign in signs.items() if name.startswith("contacts__")} == {0}


def test_every_feature_is_named_once_and_in_korean() -> None:
    listed = feature_list(SIGNALS)
    assert len({feature.name for feature in listed}) == len(listed)
    assert {f.group for f in listed} == {*SIGNALS, "across", "household", "contacts"}
    assert all(any("가" <= letter <= "힣" for letter in feature.label_ko) for feature in listed)
