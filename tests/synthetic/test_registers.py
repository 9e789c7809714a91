"""Change files, replayed by a slow reader, give back who lives where."""

import csv
import io

import polars as pl

from signals.delivery import read_name
from signals.outcomes import OUTCOMES
from signals.registers import REGISTERS
from synthetic import Country
from synthetic.calendar import NEVER, day_number


def _rows(files: dict[str, bytes], source: str) -> list[dict[str, str]]:
    layout = REGISTERS[source].layout
    fields = [column.field for column in layout.columns]
    return [
        dict(zip(fields, line, strict=True))
        for name, raw in files.items()
        if read_name(name).source == source
        for line in list(csv.reader(io.StringIO(raw.decode(layout.encoding)), delimiter=layout.separator))[1:]
    ]


def test_residents_replayed_are_those_who_live_there(country: Country, files: dict[str, bytes]) -> None:
    spells: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in _rows(files, "residents"):
        spells[row["person_no"].replace("-", ""), row["household_no"], row["valid_from"]] = row
    now = {key[:2] for key, row in spells.items() if not row["valid_to"]}
    end = day_number(country.settings.end)
    true = country.world.life.spells.filter(pl.col("told_since") <= end, pl.col("told_until") > end)
    person, home = country.identities["person_no"], country.numbers
    assert now == {(person[p], home[h]) for p, h in zip(true["person"], true["household"], strict=True)}


def test_the_first_register_holds_everybody_and_later_ones_only_changes(files: dict[str, bytes]) -> None:
    for source in ("residents", "addresses"):
        lines = [raw.count(b"\n") for name, raw in files.items() if name.startswith(source)]
        assert lines[0] > 20 * max(lines[1:])


def test_one_head_at_a_time_also_after_a_death(country: Country, files: dict[str, bytes]) -> None:
    latest: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in _rows(files, "residents"):
        latest[row["person_no"], row["household_no"], row["valid_from"]] = row
    heads: dict[str, int] = {}
    for row in latest.values():
        if not row["valid_to"]:
            heads[row["household_no"]] = heads.get(row["household_no"], 0) + (row["is_head"] == "Y")
    assert max(heads.values()) == 1
    assert sum(count == 0 for count in heads.values()) < 0.002 * len(heads)
    assert (country.world.life.spells["head_told"] < NEVER).any()


def test_each_household_is_registered_at_one_address_at_a_time(country: Country, files: dict[str, bytes]) -> None:
    latest = {(row["household_no"], row["valid_from"]): row for row in _rows(files, "addresses")}
    open_now = [household for (household, _), row in latest.items() if not row["valid_to"]]
    # A move is reported a few days late: until then the old address stands beside nothing.
    assert len(open_now) - len(set(open_now)) < 0.01 * len(open_now)
    moved = {household for household, _ in latest}
    assert len(latest) > 1.1 * len(moved)


def test_some_are_in_two_households_by_error(country: Country) -> None:
    wrong = country.world.life.spells.filter("is_error")
    assert 0 < wrong.height < 0.003 * country.identities.height


def test_contacts_carry_labels_officers_know(country: Country, files: dict[str, bytes]) -> None:
    rows = _rows(files, "contacts")
    labels = {outcome.label_ko for outcome in OUTCOMES.values()}
    odd = [row for row in rows if row["outcome"] not in labels]
    assert len(odd) == country.flaws.filter(pl.col("flaw") == "unknown_outcome")["rows"].sum()
    end = day_number(country.settings.end)
    assert len(rows) == country.registers.contacts.filter(pl.col("recorded") <= end).height
    assert len({row["case_no"] for row in rows}) == len(rows)
    assert len({row["selected_on"] for row in rows}) == country.settings.rounds
    assert all(row["selected_on"] < row["contacted_on"] <= row["recorded_on"] for row in rows)
