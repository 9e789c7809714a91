"""Which silence of an agency stops the night, which is told, and which month is no longer told of."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from flows.desk import Desk, Glance, glance
from flows.errors import OperatorError
from flows.freshness import required_on, told_until
from flows.scoring import check_sources
from flows.status import show_status
from store import deliveries, ledger
from store.tables import Delivery
from tests.flows import letters

NOW = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
MONTHS = (date(2026, 6, 1), date(2026, 7, 1))


def sent(source: str, month: date, **told: object) -> Delivery:
    on = date(2026, 9, 10)
    kept = {"id": f"{source}-{month}", "received_on": on, "state": "taken", "file_name": f"{source}.csv"} | told
    return Delivery(source=source, base_month=month, recorded_at=NOW, **kept)  # type: ignore[arg-type]


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Glance]:
    """KEPCO required, nhis not: both told of June and July, due mid September."""
    config = letters.write_work(tmp_path, required_sources=["kepco"])
    opened = glance(config, tmp_path / "work")
    for source in ("kepco", "nhis"):
        for month in MONTHS:
            deliveries.record(opened.engine, sent(source, month))
    yield opened
    opened.engine.dispose()


def silences(seen: Glance, day: date) -> list[tuple[str, bool]]:
    return [(silence.told, silence.stops) for silence in required_on(seen, day)]


def test_late_is_told_two_in_a_row_stop_and_whom_to_call_is_said(seen: Glance) -> None:
    assert silences(seen, date(2026, 11, 28)) == [("", False)]
    ((told, stops),) = silences(seen, date(2026, 11, 29))
    assert (told, stops) == (
        "kepco: the newest file came on 2026-09-10, told of 2026-07; that of 2026-08 was due on 2026-11-14",
        False,
    )
    assert told_until(seen, date(2026, 11, 29)) == dict.fromkeys(("kepco", "nhis"), date(2026, 7, 31))
    assert told_until(seen, date(2026, 11, 28)) == {}
    assert silences(seen, date(2026, 12, 28))[0][1] is False
    with pytest.raises(
        OperatorError, match=r"kepco: the newest file.*call 한국전력공사.*yesterday's queues stay"
    ) as refused:
        check_sources(Desk(seen.settings, seen.engine, None, None, None), date(2026, 12, 29))  # type: ignore[arg-type]
    assert refused.value.kind == "stale"


def test_all_that_stop_a_night_are_told_at_once(seen: Glance) -> None:
    night = seen.settings.night.model_copy(update={"required_sources": ["kepco", "nhis"]})
    desk = Desk(seen.settings.model_copy(update={"night": night}), seen.engine, None, None, None)  # type: ignore[arg-type]
    with pytest.raises(OperatorError) as refused:
        check_sources(desk, date(2027, 3, 1))
    for code, whom in (("kepco", "한국전력공사 요금관리"), ("nhis", "국민건강보험공단")):
        assert f"{code}: the newest file came on 2026-09-10" in refused.value.what
        assert whom in refused.value.cure


def test_a_number_in_the_settings_goes_before_the_calendar(seen: Glance) -> None:
    night = seen.settings.night.model_copy(update={"stale_after_days": 40})
    strict = Glance(seen.settings.model_copy(update={"night": night}), seen.engine)
    assert silences(strict, date(2026, 10, 10)) == [("", False)]
    assert silences(strict, date(2026, 10, 11))[0][1] is False
    assert silences(strict, date(2026, 10, 11))[0][0]
    assert silences(strict, date(2026, 10, 20))[0][1] is False
    assert silences(strict, date(2026, 10, 21))[0][1] is True


def test_what_is_not_known_yet_or_was_taken_back_tells_of_no_month(seen: Glance) -> None:
    engine = seen.engine
    back = sent("nhis", MONTHS[1], id="back", reason=deliveries.WITHDRAWN, received_on=date(2026, 10, 1))
    deliveries.record(engine, back)
    assert deliveries.months_told(engine, date(2026, 9, 30))["nhis"] == set(MONTHS)
    assert deliveries.months_told(engine, date(2026, 10, 1))["nhis"] == {MONTHS[0]}
    assert deliveries.months_told(engine, date(2026, 9, 9)) == {}
    assert deliveries.latest(engine, date(2026, 10, 1))["nhis"] == (MONTHS[0], date(2026, 9, 10))
    assert deliveries.superseded_on(engine, date(2026, 10, 1)) == (f"nhis-{MONTHS[1]}",)
    deliveries.record(engine, sent("nhis", MONTHS[1], id="good", revision=1, received_on=date(2026, 10, 5)))
    assert deliveries.months_told(engine, date(2026, 10, 5))["nhis"] == set(MONTHS), "the corrected file counts"


def test_status_says_what_is_late_and_whom_to_call(seen: Glance) -> None:
    run = ledger.start(
        seen.engine, "nightly", date(2026, 11, 29), inputs="i", settings="s", code="c", now=NOW, model="m"
    )
    ledger.finish(seen.engine, run.id, "done", now=NOW, counts={"households": 3})
    told = StringIO()
    show_status(Console(file=told, width=200), seen)
    assert "late kepco: 2026-08 was due on 2026-11-14 -> call 한국전력공사 요금관리 자료제공 담당" in told.getvalue()
    assert "2026-11-14  late" in told.getvalue().replace("│", " ").replace("   ", "  ")


def test_status_tells_of_refused_files_until_something_better_came(
    seen: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.status.today", lambda: date(2026, 11, 20))
    run = ledger.start(seen.engine, "nightly", date(2026, 11, 19), inputs="i", settings="s", code="c", now=NOW)
    ledger.finish(seen.engine, run.id, "done", now=NOW)

    def lines() -> list[str]:
        told = StringIO()
        show_status(Console(file=told, width=200), seen)
        return [line.split(",")[0].strip() for line in told.getvalue().splitlines() if "refused" in line]

    def refused(file: str, day: date) -> None:
        one = Delivery(
            id=file, source="nhis", received_on=day, file_name=file, state="refused", reason="wrong_header",
            recorded_at=NOW,
        )  # fmt: skip
        deliveries.record(seen.engine, one)

    assert not lines()
    refused("nhis_202610_20261110.csv", date(2026, 11, 10))
    refused("nhis_202607_20260810.csv", date(2026, 8, 10))
    refused("홍길동.csv", date(2026, 11, 11))
    told = "refused nhis_202610_20261110.csv on 2026-11-10: wrong_header"
    unnamed = "refused 1 other files: the board of their night tells whose and why"
    assert lines() == [told, unnamed]
    better = sent("nhis", date(2026, 10, 1), received_on=date(2026, 11, 15))
    better.recorded_at = NOW + timedelta(days=1)
    deliveries.record(seen.engine, better)
    assert lines() == [unnamed]
