from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from alerts.answers import ANSWERS
from alerts.tables import ALERTS, OPEN_ALERTS
from store import alerts, answers, ledger, models
from store.answers import BROUGHT
from store.faults import StoreError
from store.tables import Delivery

NOW = datetime(2026, 9, 1, 1, 30, tzinfo=UTC)
DAY = date(2026, 8, 31)
NEXT = DAY + timedelta(days=1)


def night(engine: Engine, as_of: date = DAY, inputs: str = "i") -> str:
    return ledger.start(engine, "nightly", as_of, inputs=inputs, settings="s", code="c", now=NOW).id


def alert(number: int, **other: Any) -> dict[str, Any]:
    return {
        "alert_id": f"A{number}", "household_key": number - 2**62, "office": "1111053000", "lane": "risk",
        "works_as": "risk", "band": "high", "true_band": "high", "opened_on": DAY, "inclusion": 1.0, "is_new": True,
        "due_on": DAY + timedelta(days=14), "signals": ["power_cut", "card_arrears"], "as_of": DAY,
        "is_overdue": False,
    } | other  # fmt: skip


def answer(engine: Engine, delivery: str, received_on: date, *told: dict[str, Any]) -> int:
    """Answers as a file brings them; the contact was on the day it came unless told otherwise."""
    came = Delivery(id=delivery, source="sheets", base_month=DAY, received_on=received_on, file_name=delivery,
                    state="taken", recorded_at=NOW)  # fmt: skip
    blank = dict.fromkeys([*ANSWERS, "office"])
    rows = [blank | {"contacted_on": received_on} | row for row in told]
    return answers.record(engine, came, pl.DataFrame(rows, schema=BROUGHT), now=NOW)


def queue(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=ALERTS)


def test_new_alerts_are_recorded_once(engine: Engine) -> None:
    run = night(engine)
    told = queue(alert(2, lane="explore", inclusion=0.05), alert(1, band=None))
    assert alerts.save(engine, run, DAY, told, NOW) == 2
    assert alerts.save(engine, run, DAY, told, NOW) == 0
    found = alerts.open_alerts(engine, DAY)
    assert found.schema == OPEN_ALERTS
    assert found["alert_id"].to_list() == ["A1", "A2"]
    assert found["household_key"].to_list() == [1 - 2**62, 2 - 2**62]
    assert found["inclusion"].to_list() == [1.0, 0.05]
    first = alerts.find(engine, "A1")
    assert first
    assert (first.reasons, first.band, first.run) == (["power_cut", "card_arrears"], None, run)
    assert [event.event for event in alerts.history(engine, "A1")] == ["opened"]
    assert alerts.find(engine, "A9") is None


def test_an_empty_queue_is_a_queue(engine: Engine) -> None:
    assert alerts.save(engine, night(engine), DAY, queue(), NOW) == 0
    assert alerts.open_alerts(engine, DAY).schema == OPEN_ALERTS
    assert alerts.bands(engine, DAY).height == 0


def test_the_same_run_must_bring_the_same_alerts(engine: Engine) -> None:
    run = night(engine)
    alerts.save(engine, run, DAY, queue(alert(1)), NOW)
    with pytest.raises(StoreError, match="recorded 1 alerts before and brings 2"):
        alerts.save(engine, run, DAY, queue(alert(1), alert(2)), NOW)
    assert alerts.open_alerts(engine, DAY).height == 1


def test_a_second_attempt_sees_what_the_first_saw(engine: Engine) -> None:
    alerts.save(engine, night(engine), DAY, queue(alert(1), alert(2)), NOW)
    assert answer(engine, "d", NEXT, {"alert_id": "A2", "outcome": "died"}) == 1
    second = night(engine, NEXT)
    before = alerts.open_alerts(engine, NEXT, besides=second)
    bands = alerts.bands(engine, NEXT)
    carried = alert(
        1, is_new=False, true_band="very_high", lane="urgent", works_as="urgent", due_on=NEXT, moved_from="2",
        moved_on=NEXT, office="2611051000",
    )  # fmt: skip
    told = queue(carried, alert(3, opened_on=NEXT, criterion="홀로 사는 어르신"))
    assert alerts.save(engine, second, NEXT, told, NOW) == 1
    assert alerts.save(engine, second, NEXT, told, NOW) == 0
    found = alerts.open_alerts(engine, NEXT)
    assert found["alert_id"].to_list() == ["A1", "A3"]
    assert found["true_band"].to_list() == ["very_high", "high"]
    assert found.select("office", "moved_from", "moved_on", "works_as", "criterion", "band").row(0) == (
        "2611051000", "2", NEXT, "urgent", None, "high",
    )  # fmt: skip
    assert found["criterion"].to_list() == [None, "홀로 사는 어르신"]
    assert alerts.open_alerts(engine, NEXT, besides=second).equals(before)
    assert alerts.bands(engine, NEXT, besides=second).equals(bands)
    assert alerts.bands(engine, DAY).equals(bands)
    assert alerts.bands(engine, NEXT)["band"].to_list() == ["very_high", "high", "high"]
    assert [event.event for event in alerts.history(engine, "A1")] == ["opened", "changed"]


def test_a_household_whose_alert_was_closed_may_get_another(engine: Engine) -> None:
    alerts.save(engine, night(engine), DAY, queue(alert(1)), NOW)
    answer(engine, "d", NEXT, {"alert_id": "A1", "outcome": "died"})
    fresh = queue(alert(2, opened_on=NEXT), alert(3, household_key=1 - 2**62, opened_on=NEXT))
    assert alerts.save(engine, night(engine, NEXT), NEXT, fresh, NOW) == 2


def test_two_open_alerts_of_one_household_are_refused(engine: Engine) -> None:
    alerts.save(engine, night(engine), DAY, queue(alert(1)), NOW)
    with pytest.raises(IntegrityError):
        alerts.save(engine, night(engine, NEXT), NEXT, queue(alert(3, household_key=1 - 2**62, opened_on=NEXT)), NOW)


def test_a_night_without_new_alerts_cannot_bring_some_later(engine: Engine) -> None:
    alerts.save(engine, night(engine), DAY, queue(alert(1)), NOW)
    second = night(engine, NEXT)
    carried = alert(1, is_new=False, due_on=NEXT)
    assert alerts.save(engine, second, NEXT, queue(carried), NOW) == 0
    with pytest.raises(StoreError, match="recorded 0 alerts before and brings 1"):
        alerts.save(engine, second, NEXT, queue(carried, alert(2)), NOW)


def test_open_work_per_office(engine: Engine) -> None:
    late = alert(3, office="2611051000", due_on=DAY)
    alerts.save(engine, night(engine), DAY, queue(alert(1), alert(2), late), NOW)
    assert alerts.open_per_office(engine, NEXT) == {"1111053000": (2, 0), "2611051000": (1, 1)}
    assert alerts.bands(engine, DAY)["alert_id"].to_list() == ["A1", "A2", "A3"]


BUNDLE = {"model.txt": b"tree", "passport.json": b"{}"}


def keep(engine: Engine, folder: Path, tree: bytes = b"tree") -> str:
    files = BUNDLE | {"model.txt": tree}
    return models.save(engine, folder, files, as_of=DAY, metrics={"auc": 0.71}, now=NOW).id


def test_a_model_is_kept_whole_and_comes_back(engine: Engine, tmp_path: Path) -> None:
    name = keep(engine, tmp_path)
    assert keep(engine, tmp_path) == name
    found = models.find(engine, name)
    assert found
    assert (found.state, found.metrics, found.as_of) == ("candidate", {"auc": 0.71}, DAY)
    assert models.load_files(tmp_path, found) == BUNDLE
    assert models.champion(engine) is None


def test_a_killed_save_is_repaired_by_the_next(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(models, "writing", killed)  # after the files, before the record
        keep(engine, tmp_path)
    assert models.listed(engine) == []
    name = keep(engine, tmp_path)
    assert [model.id for model in models.listed(engine)] == [name]


def test_there_is_one_champion(engine: Engine, tmp_path: Path) -> None:
    first, second, third = (keep(engine, tmp_path, tree) for tree in (b"1", b"2", b"3"))
    for name in (first, second, second):
        models.promote(engine, name, NOW)
    models.retire(engine, third, NOW)
    assert {model.id: model.state for model in models.listed(engine)} == {
        first: "retired", second: "champion", third: "retired",
    }  # fmt: skip
    best = models.champion(engine)
    assert best
    assert best.id == second
    models.promote(engine, first, NOW)
    back = models.find(engine, first)
    assert back
    assert (back.state, back.retired_at) == ("champion", None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "model.txt").write_bytes(b"tree."),
        lambda folder: (folder / "model.txt").rename(folder / "other.txt"),
        lambda folder: (folder / "new.txt").write_bytes(b""),
        lambda folder: (folder / "passport.json").unlink(),
        lambda folder: folder.rename(folder.with_name("away")),
    ],
)
def test_a_model_that_was_touched_is_refused(tmp_path: Path, engine: Engine, spoil: object) -> None:
    name = keep(engine, tmp_path)
    found = models.find(engine, name)
    assert found
    assert callable(spoil)
    spoil(tmp_path / name)
    with pytest.raises(StoreError) as caught:
        models.load_files(tmp_path, found)
    assert caught.value.kind == "model"
