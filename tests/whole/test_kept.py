"""A night after one more delivery works only on what is new, and publishes what a whole night would."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import flows.scoring
import flows.telling
from flows.desk import Desk, now, open_desk
from flows.nightly import work_night
from flows.run import running
from flows.summary import NightSummary
from store import alerts, deliveries, ledger, stops
from store.lake import Table
from store.tables import Delivery
from tests.whole.conftest import NIGHT, Worked

Bytes = Callable[[Path], dict[str, bytes]]


def night(worked: Worked, work: Path) -> NightSummary:
    with open_desk(worked.config, work) as desk, running(desk, "nightly", NIGHT) as run:
        return work_night(desk, run)


def deliver(desk: Desk, name: str, told: pl.DataFrame, table: Table = "observations") -> None:
    """As if an agency had sent them today."""
    digest = name.ljust(64, "0")
    desk.lake.append(table, told.with_columns(received_on=pl.lit(NIGHT), delivery=pl.lit(digest)), digest)
    sent = Delivery(
        id=digest, source="kepco", base_month=date(2026, 8, 1), sent_on=NIGHT, revision=0, received_on=NIGHT,
        file_name=name, leftover=[], warnings=[], state="taken", recorded_at=now(),
        received=told.height, accepted=told.height, set_aside=0,
    )  # fmt: skip
    deliveries.record(desk.engine, sent, [])


def more_of_what_is_known(desk: Desk) -> None:
    """Other figures for every fifth bill and card of known months, some told twice, and of buildings too."""
    told = desk.lake.known_on("observations", NIGHT)
    newest = told.filter(pl.col("observed_on") >= date(2026, 6, 1)).filter(pl.col("key") % 5 == 0)
    raised = newest.with_columns(pl.col("months") + 2, pl.col("amount_won") * 3)
    deliver(desk, "more", pl.concat([raised, newest[:50]]))
    # Nothing else is new of every seventh of these: had a good talk, or died.
    answered = desk.lake.known_on("contacts", NIGHT).filter(pl.col("household_key") % 7 == 0).unique("household_key")
    outcomes = pl.Series(["private_support", "died"]).gather(pl.Series(range(answered.height)) % 2)
    today = answered.with_columns(contacted_on=pl.lit(NIGHT), outcome=outcomes)
    deliver(desk, "answers", today, "contacts")
    by_risk = desk.lake.read_scores(NIGHT).sort("margin")["household_key"]
    for someone in (by_risk[0], by_risk[1], by_risk[-1]):
        stops.stop(desk.engine, someone, NIGHT, None, "requested", source="test", now=now())


def a_little(desk: Desk) -> None:
    told = desk.lake.known_on("observations", NIGHT).filter(pl.col("observed_on") >= date(2026, 6, 1))
    deliver(desk, "little", told.filter(pl.col("key") % 31 == 0).with_columns(pl.col("months") + 1))


def a_new_month(desk: Desk) -> None:
    told = desk.lake.known_on("observations", NIGHT).filter(signal="power_arrears")
    newest = told.filter(pl.col("observed_on") == told["observed_on"].max())
    following = pl.col("observed_on").dt.offset_by("1d").dt.month_end()
    deliver(desk, "month", newest[:9].with_columns(observed_on=following))


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Households built for scores, call by call."""
    heights: list[int] = []
    real = flows.scoring.build  # type: ignore[attr-defined]

    def build(*args: object, **kwargs: object) -> object:
        told = real(*args, **kwargs)  # type: ignore[arg-type]
        heights.append(told.features.height)
        return told

    monkeypatch.setattr(flows.scoring, "build", build)
    return heights


@pytest.fixture
def worded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Alerts put into words, call by call."""
    heights: list[int] = []
    real = flows.telling.open_queue  # type: ignore[attr-defined]

    def open_queue(*args: object) -> object:
        told = real(*args)  # type: ignore[arg-type]
        heights.append(told.height)
        return told

    monkeypatch.setattr(flows.telling, "open_queue", open_queue)
    return heights


def twice(
    worked: Worked, folder: Path, change: Callable[[Desk], None], *, is_kept: bool
) -> tuple[Path, NightSummary, dict[str, int]]:
    """A night, `change`, and another night of the same day, with or without what the first has left."""
    work = Path(shutil.copytree(worked.work, folder))
    with open_desk(worked.config, work) as desk:
        change(desk)
    if not is_kept:
        shutil.rmtree(work / "scratch")
    summary = night(worked, work)
    with open_desk(worked.config, work) as desk:
        done = ledger.last_done_night(desk.engine)
    assert done is not None
    return work, summary, done.counts


def test_only_what_is_new_is_worked_and_every_byte_is_as_of_a_whole_night(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, built: list[int]
) -> None:
    work, update, counts = twice(worked, tmp_path / "kept", more_of_what_is_known, is_kept=True)
    few = sum(built)
    assert 0 < few < update.households * 0.7
    built.clear()
    whole, summary, all_counts = twice(worked, tmp_path / "whole", more_of_what_is_known, is_kept=False)
    assert sum(built) == summary.households
    assert counts == all_counts
    assert bytes_of(work / "outbox") == bytes_of(whole / "outbox")
    assert bytes_of(work / "outbox") != bytes_of(worked.work / "outbox")
    assert scores_of(worked, work).equals(scores_of(worked, whole))


def scores_of(worked: Worked, work: Path) -> pl.DataFrame:
    with open_desk(worked.config, work) as desk:
        return desk.lake.read_scores(NIGHT)


def test_a_third_night_builds_on_the_second(worked: Worked, tmp_path: Path, bytes_of: Bytes, built: list[int]) -> None:
    work, update, _ = twice(worked, tmp_path / "kept", a_little, is_kept=True)
    assert sum(built) < update.households * 0.2
    anew, _, _ = twice(worked, tmp_path / "anew", a_little, is_kept=False)
    assert bytes_of(work / "outbox") == bytes_of(anew / "outbox")
    assert opened(worked, work).equals(opened(worked, anew))
    with open_desk(worked.config, work) as desk:
        more_of_what_is_known(desk)
    whole = Path(shutil.copytree(work, tmp_path / "whole"))
    shutil.rmtree(whole / "scratch")
    built.clear()
    update = night(worked, work)
    assert 0 < sum(built) < update.households * 0.7
    night(worked, whole)
    assert bytes_of(work / "outbox") == bytes_of(whole / "outbox")


def opened(worked: Worked, work: Path) -> pl.DataFrame:
    """With the chance that each alert had: on no sheet."""
    with open_desk(worked.config, work) as desk:
        return alerts.open_alerts(desk.engine, NIGHT).sort("alert_id")


def test_a_new_month_concerns_everybody_its_agency_tells_of(worked: Worked, tmp_path: Path, built: list[int]) -> None:
    _, summary, _ = twice(worked, tmp_path / "kept", a_new_month, is_kept=True)
    assert sum(built) == summary.households


def test_a_killed_night_leaves_nothing_to_build_on(
    worked: Worked, tmp_path: Path, built: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Path(shutil.copytree(worked.work, tmp_path / "work"))
    with open_desk(worked.config, work) as desk:
        more_of_what_is_known(desk)
    with monkeypatch.context() as patched:
        patched.setattr("flows.nightly.check_cohort", killed)
        with pytest.raises(KeyboardInterrupt):
            night(worked, work)
    built.clear()
    summary = night(worked, work)
    assert sum(built) == summary.households


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_lake_brought_into_order_has_the_same_night(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, built: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("flows.nightly.tidy_lake", lambda desk: desk.lake.tidy(desk.scratch, files=0))
        work, summary, _ = twice(worked, tmp_path / "tidied", more_of_what_is_known, is_kept=True)
    assert sum(built) == summary.households  # nothing to build on: every file is another
    whole, _, _ = twice(worked, tmp_path / "whole", more_of_what_is_known, is_kept=False)
    assert bytes_of(work / "outbox") == bytes_of(whole / "outbox")


def nothing(_: Desk) -> None:
    pass


def test_where_nothing_is_new_nothing_is_worked(
    worked: Worked, tmp_path: Path, bytes_of: Bytes, built: list[int], worded: list[int]
) -> None:
    work, _, _ = twice(worked, tmp_path / "kept", nothing, is_kept=True)
    assert (sum(built), sum(worded)) == (0, 0)
    assert bytes_of(work / "outbox") == bytes_of(worked.work / "outbox")
