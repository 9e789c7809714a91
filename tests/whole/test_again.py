"""What was, again: everything is backed up, deleted and restored, goes on, and its past nights are worked again."""

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

from flows import replay as replay_module
from flows.backup import Restored, back_up, look_at, restore
from flows.desk import Desk, now, open_desk
from flows.errors import OperatorError
from flows.nightly import work_night
from flows.replay import replay
from flows.run import running
from signals.outcomes import OUTCOMES
from store import access_log, alerts, deliveries, identities, ledger, stops
from store.database import reading
from store.faults import StoreError
from store.keys import load_keys
from store.tables import Access
from tests.whole.conftest import NIGHT, Worked

Bytes = Callable[[Path], dict[str, bytes]]
LATER = NIGHT + timedelta(days=3)


@dataclass(frozen=True)
class Story:
    before: Path  # what was backed up
    backup: Path
    keys: Path
    told: Restored
    restored: Path  # as it was restored
    work: Path  # the same, a night later


@pytest.fixture(scope="module")
def story(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("again")
    before = Path(shutil.copytree(worked.work, folder / "before", ignore=shutil.ignore_patterns("scratch")))
    with open_desk(worked.config, before) as desk:
        back_up(desk, worked.config, folder / "it.backup", folder / "safe" / "keys")
    work = folder / "another-machine"
    shutil.copytree(folder / "safe" / "keys", work / "keys")
    told = restore(worked.config, work, folder / "it.backup")
    restored = Path(shutil.copytree(work, folder / "restored"))
    with open_desk(worked.config, work) as desk:
        send_back(desk)
        with running(desk, "nightly", LATER) as run:
            work_night(desk, run)
    return Story(before, folder / "it.backup", folder / "safe" / "keys", told, restored, work)


def send_back(desk: Desk) -> None:
    """A sheet with two answers: one ends its alert, one does not."""
    sheet = next(f for f in desk.work.glob(f"outbox/{NIGHT}/*/queue_*.csv") if f.read_bytes().count(b"\n") > 3)
    rows = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8-sig"))))
    for row, outcome in zip(rows, ("watch", "unreached"), strict=False):
        row["접촉일"], row["처리결과"] = str(NIGHT + timedelta(days=1)), OUTCOMES[outcome].label_ko
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    (desk.inbox / sheet.name).write_text("\ufeff" + out.getvalue(), encoding="utf-8")


def test_every_byte_and_every_row_comes_back(story: Story, bytes_of: Bytes) -> None:
    """What runs on the same bytes and rows does the same: `make replay-test` sees that of the next night."""
    assert (story.told.last_night, story.told.findings, story.told.has_other_settings) == (str(NIGHT), (), False)
    then, back = kept(bytes_of(story.before)), kept(bytes_of(story.restored))
    assert back == then
    assert len(back) > 500
    assert rows_of(story.restored) == rows_of(story.before)


def kept(told: dict[str, bytes]) -> dict[str, bytes]:
    """Without the database, whose rows are compared, and what a running process writes."""
    return {name: data for name, data in told.items() if not name.startswith(("blindspot.db", "lock", "logs"))}


def rows_of(work: Path) -> list[str]:
    with sqlite3.connect(work / "blindspot.db") as database:
        return list(database.iterdump())


def test_no_name_no_word_and_no_key_can_be_read_in_it_and_none_without_the_keys(
    worked: Worked, story: Story, tmp_path: Path
) -> None:
    place, keys = story.backup, story.keys
    data = place.read_bytes()
    sheet = next(f for f in worked.work.glob("outbox/*/*/queue_*.csv") if f.stat().st_size > 2000)
    assert sheet.read_bytes()[200:400] not in data
    told = load_keys(keys)
    assert all(key not in data for key in (told.token, told.log, told.sign, *told.seals.values()))
    inside = look_at(worked.config, story.work, place).digests
    assert not [name for name in inside if name.endswith(".key") or "keys/" in name]
    with pytest.raises(OperatorError, match="keys' own backup") as refused:
        restore(worked.config, tmp_path / "work", place)
    assert refused.value.kind == "keys"
    shutil.copytree(worked.before / "keys", tmp_path / "work" / "keys")
    (tmp_path / "work" / "keys" / "seal-001.key").chmod(0o600)
    (tmp_path / "work" / "keys" / "seal-001.key").write_bytes(b"x" * 32)
    with pytest.raises(StoreError, match="another key"):
        restore(worked.config, tmp_path / "work", place)
    assert {f.name for f in (tmp_path / "work").iterdir()} == {"keys", "lock"}


def test_nothing_is_written_over_and_keys_never_lie_beside_it(worked: Worked, story: Story, tmp_path: Path) -> None:
    place = story.backup
    with pytest.raises(OperatorError, match="not empty"):
        restore(worked.config, story.work, place)
    with open_desk(worked.config, story.work) as desk:
        with pytest.raises(StoreError, match="exists"):
            back_up(desk, worked.config, place)
        with pytest.raises(OperatorError, match="where the backup goes"):
            back_up(desk, worked.config, tmp_path / "b", tmp_path)
    assert not (tmp_path / "b").exists()


def much_has_changed_since(desk: Desk, config: Path) -> None:
    """All that the night read and that is told otherwise by now: names, stops, settings, places."""
    sheet = next(f for f in desk.work.glob(f"outbox/{NIGHT}/*/queue_*.csv") if f.stat().st_size > 2000)
    told = sorted(d.id for d in deliveries.listed(desk.engine) if d.source == "residents" and d.state == "taken")
    rows = (row for one in told for row in csv.DictReader(io.StringIO(desk.archive.open(one).decode("utf-8-sig"))))
    words = sheet.read_text("utf-8")
    numbers = {row["주민등록번호"].replace("-", "") for row in rows if row["성명"] and row["성명"] in words}
    assert numbers
    others = pl.DataFrame({"person_no": sorted(numbers), "name": "바뀐이름", "phone": "010-9999-9999"})
    identities.register_people(desk.engine, desk.keys, others, LATER)
    for someone in alerts.open_alerts(desk.engine, NIGHT)["household_key"][:3]:
        stops.stop(desk.engine, someone, NIGHT, None, "requested", source="test", now=now())
    offices = desk.settings.offices.read_text("utf-8").replace("가", "나")
    desk.settings.offices.write_text(offices, "utf-8")
    told = yaml.safe_load(config.read_text("utf-8"))
    told["queue"]["capacity"], told["model"]["seed"] = 3, 7
    config.write_text(yaml.safe_dump(told, allow_unicode=True), "utf-8")


def test_a_past_night_comes_out_byte_for_byte_whatever_has_changed_since(
    worked: Worked, story: Story, tmp_path: Path, bytes_of: Bytes
) -> None:
    lean = shutil.ignore_patterns("inbox", "scratch", "truth")
    work, config = Path(shutil.copytree(story.work, tmp_path / "work", ignore=lean)), tmp_path / "config.yaml"
    shutil.copy(worked.config, config)
    with open_desk(config, work) as desk:
        much_has_changed_since(desk, config)
    before, logged = bytes_of(work / "outbox"), 0
    with open_desk(config, work) as desk:
        versions, logged = desk.lake.versions(), last_seq(desk)
        told = replay(desk, worked.night.run, tmp_path / "kept")
        assert (told.different, told.missing, told.new) == ((), (), ())
        assert told.same == told.files > 10
        assert [why for why in told.why if "come from the archive" in why]
        assert desk.lake.versions() == versions
        assert last_seq(desk) > logged, "who is looked up is in the access log"
        assert access_log.verify_chain(desk.engine, desk.keys, desk.work / "anchors") == []
        newest = ledger.last_done_night(desk.engine)
        assert newest is not None
        assert newest.as_of == LATER
    assert bytes_of(work / "outbox") == before
    assert bytes_of(tmp_path / "kept") == bytes_of(worked.work / "outbox" / str(NIGHT))
    assert not (work / "scratch" / "replay").exists()


def last_seq(desk: Desk) -> int:
    with reading(desk.engine) as session:
        return session.query(Access).count()


def test_what_comes_out_differently_is_named_and_sheets_stay_only_if_asked_for(
    worked: Worked, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = story.work / "outbox" / str(NIGHT)
    made = json.loads((place / "manifest.json").read_bytes())["files"]
    changed, gone = sorted(made)[:2]
    made[changed] = made.pop(gone)
    made["more.csv"] = made[changed]
    monkeypatch.setattr(replay_module, "_work_again", lambda *_: (made, ("because",)))
    with open_desk(worked.config, story.work) as desk:
        told = replay(desk, worked.night.run)
    assert (told.different, told.missing, told.new) == ((changed,), (gone,), ("more.csv",))
    assert not told.is_equal
    assert "because" in told.why


def test_what_cannot_be_compared_or_read_is_refused(worked: Worked, story: Story, tmp_path: Path) -> None:
    lean = shutil.ignore_patterns("inbox", "scratch", "archive", "lake")
    work = Path(shutil.copytree(story.work, tmp_path / "work", ignore=lean))
    manifest = work / "outbox" / str(NIGHT) / "manifest.json"
    with open_desk(worked.config, work) as desk:
        with pytest.raises(OperatorError, match="no night that is done"):
            replay(desk, worked.trained.run)
        data = manifest.read_bytes()
        told = min(json.loads(data)["files"].values()).encode()
        manifest.write_bytes(data.replace(told, told[::-1], 1))
        with pytest.raises(OperatorError, match="not what that night published"):
            replay(desk, worked.night.run)
        manifest.write_bytes(data)
        (work / "nights" / f"{worked.night.run}.json").unlink()
        with pytest.raises(OperatorError, match="was not kept"):
            replay(desk, worked.night.run)
