"""Out and back: a night's sheets filled in by officers, returned, and what the next night makes of them."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS
from alerts.returned import CAPACITY_LABEL
from flows import nightly as night_module
from flows.desk import Desk, open_desk
from flows.knowledge import contacts_known_on, known_on
from flows.stops import lift_stop, stop_household, stopped_on
from models.labels import label
from signals.outcomes import OUTCOMES
from store import access_log, alerts, answers, deliveries
from store.tokens import tokens
from synthetic import CountrySettings, make_country
from tests.flows import letters
from tests.whole.conftest import HOUSEHOLDS, NIGHT, Worked
from tests.whole.test_night import run_night

NEXT = NIGHT + timedelta(days=3)
TRIED = NIGHT + timedelta(days=1)
HEADER = {column.name: column.header for column in ANSWER_COLUMNS}
WORK = ("unreached", "not_living_there", "moved", "no_need", "emergency", "died")


@dataclass(frozen=True)
class Story:
    """One office's sheet came back; one of its households wants to be left alone, another moved to a second office."""

    config: Path
    before: Path  # the work folder with the filled sheets in its inbox
    work: Path  # after the next night
    office: str
    other: str
    told: dict[str, str]  # outcome -> alert it was answered to
    stopped: str
    opened: pl.DataFrame  # alerts as they stood before

    def household(self, alert: str) -> int:
        return int(self.opened.filter(alert_id=alert)["household_key"][0])

    def next_day(self) -> dict[str, dict[str, Any]]:
        with open_desk(self.config, self.work) as desk:
            return {row["alert_id"]: row for row in alerts.open_alerts(desk.engine, NEXT).iter_rows(named=True)}


@pytest.fixture(scope="module")
def story(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("answered")
    work = Path(shutil.copytree(worked.work, folder / "work"))
    with open_desk(worked.config, work) as desk:
        opened = alerts.open_alerts(desk.engine, NIGHT)
        risk = (pl.col("works_as") == "risk").sum()
        busiest = opened.group_by("office").agg(risk=risk, all=pl.len()).sort("risk", "all", "office")
        other, office = busiest["office"][-2], busiest["office"][-1]
        is_other = pl.col("works_as") != "risk", pl.col("works_as") == "urgent"
        mine = opened.filter(pl.col("office") == office).sort(*is_other, "alert_id")["alert_id"].to_list()
        told, stopped = dict(zip(WORK, mine, strict=False)), mine[len(WORK)]
        number = numbers_of(desk, opened)
        fill_workbook(desk, office, {alert: outcome for outcome, alert in told.items()})
        move(desk, number[told["moved"]], other)
        assert stop_household(desk, number[stopped], "requested", TRIED, None)
        before = Path(shutil.copytree(work, folder / "before"))
    run_night(worked.config, work, NEXT)
    return Story(worked.config, before, work, office, other, told, stopped, opened)


def numbers_of(desk: Desk, opened: pl.DataFrame) -> dict[str, str]:
    numbers = make_country(CountrySettings(households=HOUSEHOLDS, seed=1)).numbers
    keyed = pl.DataFrame({"number": numbers, "household_key": tokens(numbers, "household", desk.keys)})
    return dict(opened.join(keyed, on="household_key").select("alert_id", "number").iter_rows())


def fill_workbook(desk: Desk, office: str, outcomes: dict[str, str]) -> None:
    """As an officer does, with another library, and says that the office can hold two alerts more than it has."""
    file = desk.outbox / NIGHT.isoformat() / office / f"queue_{office}_{NIGHT:%Y%m%d}.xlsx"
    book = openpyxl.load_workbook(file)
    for page in book.worksheets:
        place = {cell.value: int(cell.column or 0) for row in page.iter_rows(max_row=20) for cell in row if cell.value}
        if {ALERT_HEADER, HEADER["outcome"]} <= set(place):
            for row in page.iter_rows():
                alert = row[place[ALERT_HEADER] - 1].value
                if alert in outcomes:
                    fill(page, int(row[0].row or 0), place, outcomes[str(alert)])
        for row in page.iter_rows():
            for cell in row:
                if cell.value == CAPACITY_LABEL:
                    page.cell(int(cell.row or 0), int(cell.column or 0) + 1, 40)
    book.save(desk.inbox / f"사본 - {file.name}")


def fill(page: Any, row: int, place: dict[Any, int], outcome: str) -> None:
    page.cell(row, place[HEADER["contacted_on"]], f"{TRIED:%Y. %-m. %-d.}")
    page.cell(row, place[HEADER["outcome"]], OUTCOMES[outcome].label_ko)
    page.cell(row, place[HEADER["channel"]], "전화")
    if OUTCOMES[outcome].needs_reason:
        page.cell(row, place[HEADER["dismissal"]], "소득·재산이 충분함")


def move(desk: Desk, number: str, office: str) -> None:
    header = ("세대번호", "도로명주소", "주거유형", "행정동코드", "전입일", "전출일")
    row = (number, "가람특별시 중구 이사로 12, 101동 1203호", "아파트", office, f"{TRIED:%Y%m%d}", "")
    raw = letters.csv(header, [row], separator="|").encode("cp949")
    (desk.inbox / f"addresses_202611_{NEXT:%Y%m%d}.csv").write_bytes(raw)


def test_the_filled_workbook_is_read_whole(story: Story) -> None:
    with open_desk(story.config, story.work) as desk:
        sheet = next(d for d in deliveries.listed(desk.engine, NEXT) if d.source == "sheets")
        assert (sheet.set_aside, sheet.leftover, sheet.state) == (0, [], "taken")
        assert sheet.received == story.opened.filter(office=story.office).height
        for outcome, alert in story.told.items():
            kept = answers.told_of(desk.engine, alert)
            assert [(a.outcome, a.contacted_on, a.channel) for a in kept] == [(outcome, TRIED, "phone")]
        assert answers.capacities(desk.engine, NEXT) == {story.office: 40}
        assert not list(desk.inbox.glob("*queue*"))


def test_only_what_ends_an_alert_closes_it_and_its_place_is_filled(story: Story) -> None:
    still = story.next_day()
    for outcome, alert in story.told.items():
        assert (alert in still) != OUTCOMES[outcome].ends, outcome
    spoken = {story.household(alert) for outcome, alert in story.told.items() if OUTCOMES[outcome].is_contact}
    assert not spoken & {row["household_key"] for row in still.values()}, "they rest"
    new = [row for row in still.values() if row["opened_on"] == NEXT and row["office"] == story.office]
    assert len(new) >= len(spoken)


def test_who_was_not_met_comes_back_on_a_day(story: Story) -> None:
    row = story.next_day()[story.told["unreached"]]
    assert (row["outcome"], row["attempts"], row["answered_on"]) == ("unreached", 1, TRIED)
    assert row["due_on"] == TRIED + timedelta(days=OUTCOMES["unreached"].again_after_days[0])
    assert row["works_as"] == "risk", "one call is no search"


def test_not_living_there_is_searched_for(story: Story) -> None:
    row = story.next_day()[story.told["not_living_there"]]
    assert (row["works_as"], row["office"]) == ("trace", story.office)


def test_who_moved_goes_to_the_new_office(story: Story) -> None:
    row = story.next_day()[story.told["moved"]]
    assert (row["office"], row["moved_from"], row["moved_on"]) == (story.other, story.office, NEXT)
    listed = (story.work / "outbox" / NEXT.isoformat() / story.other).glob("queue_*.csv")
    assert story.told["moved"] in next(listed).read_text(encoding="utf-8-sig")


def test_who_asked_not_to_be_processed_is_on_no_sheet_and_loses_nothing(story: Story, tmp_path: Path) -> None:
    """Open still, and back on the sheet when the stop is lifted."""
    sheets = story.work / "outbox" / NEXT.isoformat()
    assert story.stopped in story.next_day()
    assert not [f for f in sheets.rglob("*.csv") if story.stopped in f.read_text(encoding="utf-8-sig")]
    work = Path(shutil.copytree(story.work, tmp_path / "work"))
    later = NEXT + timedelta(days=1)
    with open_desk(story.config, work) as desk:
        assert stopped_on(desk, NEXT).to_list() == [story.household(story.stopped)]
        assert lift_stop(desk, numbers_of(desk, story.opened)[story.stopped], later)
        assert stopped_on(desk, later).is_empty()
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
    run_night(story.config, work, later)
    sheet = work / "outbox" / later.isoformat() / story.office / f"queue_{story.office}_{later:%Y%m%d}.csv"
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        assert story.stopped in {row[ALERT_HEADER] for row in csv.DictReader(file)}


def test_capacity_told_in_the_workbook_holds_from_that_night(story: Story) -> None:
    held = sum(row["office"] == story.office for row in story.next_day().values())
    before = story.opened.filter(office=story.office).height
    assert before < held <= 40 + 1, "and the one that is stopped holds no place"


def test_answers_teach_once_and_from_the_day_they_came(story: Story) -> None:
    with open_desk(story.config, story.work) as desk:
        taught = label(contacts_known_on(desk, NEXT), NEXT, answering_days=0).filter(selected_on=NIGHT)
        before = label(contacts_known_on(desk, NIGHT), NEXT, answering_days=0).filter(selected_on=NIGHT)
        assert known_on(desk, NEXT - timedelta(days=1)).contacts.filter(selected_on=NIGHT).is_empty()
    expected = {story.household(story.told["no_need"]): 0, story.household(story.told["emergency"]): 1}
    assert dict(taught.select("household_key", "label").iter_rows()) == expected
    assert before.is_empty()


@pytest.mark.parametrize("stage", ["take_in", "publish"])
def test_a_night_with_answers_killed_and_run_again_gives_the_same_bytes(
    story: Story,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bytes_of: Callable[[Path], dict[str, bytes]],
    stage: str,
) -> None:
    work = Path(shutil.copytree(story.before, tmp_path / "work"))
    with monkeypatch.context() as patched:
        real = getattr(night_module, stage)

        def killed(*args: object) -> None:
            real(*args)
            raise KeyboardInterrupt

        killed.__name__ = stage
        patched.setattr(night_module, stage, killed)
        with pytest.raises(KeyboardInterrupt):
            run_night(story.config, work, NEXT)
    run_night(story.config, work, NEXT)
    assert bytes_of(work / "outbox" / NEXT.isoformat()) == bytes_of(story.work / "outbox" / NEXT.isoformat())
    assert bytes_of(work / "replies") == bytes_of(story.work / "replies")
