"""A country straight into the lake: what intake would have made of its files, whoever lived it, however often begun."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.country import fill_lake, jobs_of
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.inbox import take_in
from flows.offices import read_offices
from flows.scoring import check_sources
from flows.settings import Demo
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from store import deliveries, identities
from store.lake import KEYS, TABLES, Table
from store.tokens import tokens
from synthetic import Country
from synthetic.calendar import day_number
from synthetic.country import write_country
from synthetic.founding import found
from synthetic.keys import keys_of_identifiers
from synthetic.parts import WholeCountry, country_agencies, delivery_id, divide, real_size
from synthetic.sent import KeysOf

CONFIG = Path(__file__).parent.parent.parent / "config.yaml"
END, NIGHT, NEXT = date(2026, 10, 31), date(2026, 11, 2), date(2026, 12, 1)
WANTED = Demo(households=2_000, months=10, end=END, seed=4, as_of=NIGHT)
SHARE, IN_PART = 0.4, 600  # four parts: the first two with files


@dataclass(frozen=True)
class Filled:
    country: WholeCountry
    desk: Desk
    again: Desk  # the same country, lived by two processes


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    country = divide(real_size(WANTED.households, WANTED.months, END, WANTED.seed), SHARE, IN_PART)
    with ExitStack() as stack:
        first, second = (tmp_path_factory.mktemp("country") / "work" for _ in range(2))
        desk = stack.enter_context(open_desk(CONFIG, first))
        fill_lake(desk, WANTED, SHARE, workers=1, in_part=IN_PART)
        shutil.copytree(first / "keys", second / "keys")
        again = stack.enter_context(open_desk(CONFIG, second))
        fill_lake(again, WANTED, SHARE, workers=2, in_part=IN_PART)
        yield Filled(country, desk, again)


@pytest.fixture(scope="module")
def written(filled: Filled) -> tuple[Country, KeysOf]:
    """The first part, put into words once more; its keys as intake makes them."""
    part = filled.country.parts[0]
    world = found(part.settings, SIGNALS, country_agencies(), part.places, part.planned)
    country = write_country(world, part.of_files)  # type: ignore[arg-type]  # the first part has files
    return country, keys_of_identifiers(country, lambda domain, clear: tokens(clear, domain, filled.desk.keys))


def rows(desk: Desk, table: Table) -> pl.DataFrame:
    return desk.lake.known_on(table, END)


def test_the_same_country_whoever_lives_it(filled: Filled) -> None:
    one, two = filled.desk, filled.again
    for table in TABLES:
        assert rows(one, table).height > 40
        assert rows(one, table).equals(rows(two, table)), table
    for folder in ("inbox", "truth"):
        names = sorted(file.name for file in (one.work / folder).iterdir())
        assert names == sorted(file.name for file in (two.work / folder).iterdir())
        for name in names:
            assert (one.work / folder / name).read_bytes() == (two.work / folder / name).read_bytes(), name
    assert one.settings.offices.read_bytes() == two.settings.offices.read_bytes()


def test_a_part_that_is_there_is_not_told_again_after_a_kill(filled: Filled) -> None:
    before = filled.desk.lake.versions()
    for job in jobs_of(filled.desk, filled.country):
        assert not any(filled.desk.lake.append_part(table, rows(filled.desk, table), job.mark) for table in TABLES)
    assert filled.desk.lake.versions() == before


def test_every_row_came_with_a_delivery_on_record(filled: Filled) -> None:
    listed = {delivery.id: delivery for delivery in deliveries.listed(filled.desk.engine)}
    counted = pl.concat(rows(filled.desk, table).select("delivery", "received_on") for table in TABLES)
    found = counted.group_by("delivery", "received_on").len()
    assert found["delivery"].is_unique().all()
    for name, received_on, count in found.iter_rows():
        told = listed[name]
        assert (told.state, told.received_on, told.accepted) == ("taken", received_on, count)
    without = [delivery for name, delivery in listed.items() if name not in set(found["delivery"])]
    assert all(delivery.accepted == 0 for delivery in without)
    flaws = {delivery_id(sent, WANTED.seed): sent.flaw for sent in filled.country.sent}
    assert {name for name, d in listed.items() if d.state == "refused"} == {
        n for n, f in flaws.items() if f == "broken"
    }
    gone = set(deliveries.superseded_on(filled.desk.engine, END))
    assert gone
    assert gone == {name for name, flaw in flaws.items() if flaw == "corrected"}


def test_the_night_finds_its_sources_fresh_and_its_offices_known(filled: Filled) -> None:
    check_sources(filled.desk, NIGHT)
    with pytest.raises(OperatorError, match="newest file"):
        check_sources(filled.desk, NIGHT + timedelta(days=200))
    offices = read_offices(filled.desk.settings.offices)
    assert set(rows(filled.desk, "addresses")["office"]) <= set(offices["office"])


def test_everybody_lives_somewhere_and_nobody_twice(filled: Filled) -> None:
    residents, addresses = rows(filled.desk, "residents"), rows(filled.desk, "addresses")
    # A move may be told two weeks late.
    settled = residents.filter(pl.col("valid_from") < END - timedelta(days=60))
    assert settled["household_key"].is_in(addresses["household_key"].implode()).all()
    assert addresses["household_key"].is_in(residents["household_key"].implode()).mean() > 0.99  # type: ignore[operator]
    assert settled.filter("is_head")["household_key"].n_unique() == settled["household_key"].n_unique()
    newest = residents.unique(["person_key", "household_key", "valid_from"], keep="last", maintain_order=True)
    open_spells = newest.sort("received_on").filter(pl.col("valid_to").is_null())
    assert open_spells["person_key"].is_duplicated().mean() < 0.05  # type: ignore[operator]
    contacts = rows(filled.desk, "contacts")
    assert contacts["household_key"].is_in(addresses["household_key"].implode()).all()
    assert contacts["alert"].is_unique().all()
    assert contacts["outcome"].is_in(list(OUTCOMES)).all()


def test_the_lake_holds_what_intake_makes_of_the_same_files(
    filled: Filled, written: tuple[Country, KeysOf], tmp_path: Path
) -> None:
    country, keys = written
    with open_desk(CONFIG, tmp_path / "work") as desk:
        for sent in country.sending:
            if sent.sent <= day_number(END):
                (desk.inbox / sent.file).write_bytes(country.read(sent))
                os.utime(desk.inbox / sent.file, (0, 0))  # long ago: what is cut off will not go on
        # The same keys, so the same tokens.
        same = replace(desk, keys=filled.desk.keys, archive=filled.desk.archive)
        assert {one.state for one in take_in(same, NIGHT)} <= {"taken", "again", "refused"}
        everyone = pl.concat([keys.person, keys.household, keys.supply]).implode()
        for table in TABLES:
            gone, before = (deliveries.superseded_on(one.engine, END) for one in (desk, filled.desk))
            # Flaws slip in keys that are nobody's.
            taken, ours = (
                lake.known_on(table, END, without).drop("delivery").filter(pl.col(KEYS[table]).is_in(everyone))
                for lake, without in ((desk.lake, gone), (filled.desk.lake, before))
            )
            if table == "contacts":  # an outcome that no list holds is set aside
                taken = taken.filter(pl.col("outcome").is_not_null())
            unknown = taken.join(ours, on=taken.columns, how="anti", nulls_equal=True)
            assert unknown.height == 0, (table, unknown)
            assert 0.97 * ours.height <= taken.height <= ours.height, table


def test_a_part_without_files_tells_as_much_as_one_with(filled: Filled, written: tuple[Country, KeysOf]) -> None:
    _, keys = written
    everyone = pl.concat([keys.person, keys.household, keys.supply]).implode()
    observed = rows(filled.desk, "observations").with_columns(has_files=pl.col("key").is_in(everyone))
    points = {name: signal.points > 0 for name, signal in SIGNALS.items()}
    observed = observed.with_columns(warns=pl.col("signal").replace_strict(points, return_dtype=pl.Boolean))
    sizes = {True: 400, False: 1_600}
    for warns in (True, False):
        rate = {
            has_files: observed.filter(warns=warns, has_files=has_files).height / size
            for has_files, size in sizes.items()
        }
        assert 0.6 < rate[True] / rate[False] < 1.7, (warns, rate)
    large = observed.group_by("delivery").len().filter(pl.col("len") > 50)["delivery"]
    assert large.len() > 5
    for told in large:
        assert observed.filter(delivery=told)["has_files"].n_unique() == 2


def test_no_country_is_made_over_another_and_none_of_too_few(filled: Filled, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="already holds a country"):
        fill_lake(filled.desk, WANTED, 0.0)
    with open_desk(CONFIG, tmp_path / "work") as desk, pytest.raises(OperatorError, match="at least 500"):
        fill_lake(desk, WANTED, 0.1)
    with open_desk(CONFIG, tmp_path / "work") as desk, pytest.raises(OperatorError, match="at least 500"):
        fill_lake(desk, WANTED, 0.9)


def test_the_files_of_the_next_month_are_of_the_people_in_the_lake(
    filled: Filled, written: tuple[Country, KeysOf]
) -> None:
    """Last: it takes them in. One file holds the rows of both parts, under one header."""
    desk, (country, keys) = filled.again, written
    for file in desk.inbox.iterdir():
        header, _, body = file.read_bytes().partition(b"\n")
        assert header not in body
    before = {table: rows(desk, table).height for table in TABLES}
    taken = take_in(desk, NIGHT)
    assert {one.state for one in taken} <= {"future", "taken"}
    taken = (*taken, *take_in(desk, NEXT))
    assert not list(desk.inbox.iterdir())
    assert {one.state for one in taken if one.state != "future"} == {"taken"}
    assert sum(one.set_aside for one in taken) <= 0.05 * sum(one.received for one in taken) + 5
    new = desk.lake.known_on("observations", NEXT).filter(pl.col("received_on") > END)
    assert new.height > 50
    persons = new.filter(key_kind="person")["key"]
    known = rows(desk, "residents")["person_key"].implode()
    assert persons.is_in(known).mean() > 0.95  # type: ignore[operator]
    assert all(desk.lake.known_on(table, NEXT).height > before[table] for table in ("observations", "residents"))
    some = pl.DataFrame(
        {"household_key": keys.household[:5], "person_key": keys.person[:5], "address_key": keys.address[:5]}
    )
    assert (
        identities.look_up(desk.engine, desk.keys, some)["name"].to_list() == country.identities["name"][:5].to_list()
    )
