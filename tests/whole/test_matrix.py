"""The bench: the same rows as the night's and the training's, logged before they leave, never written over."""

import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from features import FEATURES
from features.dictionary import dictionary, write_dictionary
from flows.desk import Desk, now, open_desk
from flows.errors import OperatorError
from flows.knowledge import contacts_known_on, known_on
from flows.matrix import households_on, matrix, write_matrix
from flows.outlook import look_at_today, reach_so_far
from flows.retrain import build_matrix
from flows.scoring import load_model
from models.labels import ANSWERING_DAYS
from models.score import score
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from store import explored, stops
from store.access_log import verify_chain
from store.database import reading
from store.tables import Access
from tests.whole.conftest import NIGHT, ROOT, Worked


@pytest.fixture(scope="module")
def copy(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worked.again(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def desk(worked: Worked, copy: Path) -> Iterator[Desk]:
    with open_desk(worked.config, copy) as opened:
        yield opened


def accesses(desk: Desk) -> list[Access]:
    with reading(desk.engine) as session:
        return list(session.scalars(select(Access).where(Access.task == "matrix").order_by(Access.seq)))


def test_scored_by_hand_it_gives_the_nights_scores(worked: Worked) -> None:
    with open_desk(worked.config, worked.work) as desk:
        ours = score(load_model(desk).load(), households_on(desk, NIGHT))
        theirs = desk.lake.read_scores(NIGHT)
    assert ours.height == worked.night.households
    assert ours.equals(theirs.select(ours.columns).sort("household_key"))


def test_the_labelled_one_is_what_is_learned_from(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "reviewed.parquet"
    write_matrix(desk, NIGHT, True, out)
    assert pl.read_parquet(out).equals(build_matrix(desk, NIGHT))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_nothing_is_written_over_and_nothing_leaves_for_it(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    out.write_bytes(b"somebody's")
    before = len(accesses(desk))
    for place in (out, tmp_path / "nowhere" / "x.parquet"):
        with pytest.raises(OperatorError) as refused:
            write_matrix(desk, NIGHT, False, place)
        assert refused.value.kind == "matrix"
    assert out.read_bytes() == b"somebody's"
    assert len(accesses(desk)) == before


def test_the_log_names_every_household_before_the_file_is_there(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("flows.matrix.write_whole", fail)
    with pytest.raises(OSError, match="disk full"):
        write_matrix(desk, NIGHT, False, tmp_path / "x.parquet")
    told = accesses(desk)[-1]
    assert told.subjects == households_on(desk, NIGHT)["household_key"].to_list()
    assert "x.parquet" in told.reason
    assert not (tmp_path / "x.parquet").exists()
    assert verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []


def test_in_python_it_is_a_pandas_frame_without_stopped_households(worked: Worked, copy: Path) -> None:
    with open_desk(worked.config, copy) as desk:
        everybody = households_on(desk, NIGHT)
        gone = int(everybody["household_key"][3])
        stops.stop(desk.engine, gone, date(2026, 1, 1), None, "requested", source="test", now=now())
    frame = matrix(NIGHT, config=worked.config, work=copy)
    assert list(frame.columns) == ["household_key", "office", *(f.name for f in FEATURES)]
    assert set(everybody["household_key"]) - set(frame["household_key"]) == {gone}
    reviewed = matrix(NIGHT, labelled=True, config=worked.config, work=copy)
    assert gone not in set(reviewed["household_key"])
    assert set(reviewed["label"]) == {0, 1}


def test_the_dictionary_in_the_docs_is_current() -> None:
    assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == write_dictionary(SIGNALS)
    entries = dictionary(SIGNALS)
    assert [e.name for e in entries] == [f.name for f in FEATURES]
    assert all(all((e.name_ko, e.unit, e.meaning, e.missing, e.source, e.nothing)) for e in entries)
    by_name = {e.name: e for e in entries}
    assert by_name["power_arrears__owed_now"].unit == "won"
    assert by_name["household__address_unknown"].unit == "0/1"
    covered = next(s for s in SIGNALS.values() if s.covers_housing)
    assert "housing other than" in next(e for e in entries if e.name.startswith(f"{covered.name}__")).missing


def test_the_dictionary_is_told_without_a_heavy_library() -> None:
    program = (
        "import sys; sys.argv = ['blindspot', 'features']\nfrom flows.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "assert not {'prefect', 'lightgbm', 'shap', 'matplotlib', 'mlflow'} & set(sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout == write_dictionary(SIGNALS)


def test_today_is_looked_at_as_the_night_would(worked: Worked) -> None:
    """Arrivals counted by a plain loop over the files of one agency; places filled as by the night's own scores."""
    with open_desk(worked.config, worked.work) as desk:
        contacts = contacts_known_on(desk, NIGHT)
        seen = look_at_today(desk, NIGHT, contacts)
        known, everybody = known_on(desk, NIGHT), households_on(desk, NIGHT)
        reach = reach_so_far(desk, NIGHT + timedelta(days=ANSWERING_DAYS), answered(desk, contacts))
        waiting = explored.waited(desk.engine, NIGHT, NIGHT)
    listed = everybody.drop_nulls("office")
    assert seen.queue.height == listed.height
    assert seen.queue.sort("household_key").equals(listed.select(seen.queue.columns).sort("household_key"))
    bills = known.observations.filter(signal="power_arrears")
    counted = Counter(bills.join(newest_of(bills), on="delivery")["month"].to_list())
    told = seen.arrivals.filter(signal="power_arrears").sort("month").tail(12)
    assert {row["month"]: row["notices"] for row in told.to_dicts()} == {m: counted[m] for m in told["month"]}
    regions = seen.arrivals_by_region.filter(signal="power_arrears", month=told["month"][-1])
    assert regions["notices"].sum() == told["notices"][-1]
    assert {row["agency"]: row["is_late"] for row in seen.sources.to_dicts()} == {
        row["agency"]: due_on(row["agency"], row["newest"]) < NIGHT for row in seen.sources.to_dicts()
    }
    assert seen.reach is None
    decisions = worked.night.decisions
    assert waiting == decisions["below_cut"] + decisions["queued_explore"]
    assert reach is not None
    assert reach["base_rate"]["drawn"] == decisions["queued_explore"]
    assert reach["base_rate"]["value"] == 1.0
    assert reach["precision"]["value"] == 0.0
    assert reach["reach"]["value"] == 0.0


def due_on(agency: str, newest: date) -> date:
    """The last day on which the file after the one of month `newest` may come."""
    month = newest.year * 12 + newest.month - 1 + AGENCIES[agency].every_months
    last = date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return last + timedelta(days=AGENCIES[agency].lag_days[1])


def newest_of(bills: pl.DataFrame) -> pl.DataFrame:
    return bills.group_by("delivery").agg(month=pl.col("observed_on").max().dt.truncate("1mo"))


def answered(desk: Desk, contacts: pl.DataFrame) -> pl.DataFrame:
    """Need found in whoever was drawn at random, and in nobody else."""
    opened = explored.opened_between(desk.engine, NIGHT, NIGHT)
    outcome = pl.when(pl.col("lane") == "explore").then(pl.lit("emergency")).otherwise(pl.lit("no_need"))
    rows = opened.select(
        "household_key", "alert", "office", "lane", outcome=outcome, selected_on=pl.lit(NIGHT),
        contacted_on=pl.lit(NIGHT), received_on=pl.lit(NIGHT), benefit=None, delivery=pl.lit("sheets"),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(dtype) for name, dtype in contacts.schema.items())
