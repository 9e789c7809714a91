"""What was, again: everything is backed up, deleted and restored, goes on, and its past nights are worked again."""

import json
import shutil
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
from store import access_log, alerts, identities, ledger, stops
from store.database import reading
from store.faults import StoreError
from store.keys import load_keys
from store.tables import Access
from synthetic import CountrySettings, make_country
from tests.whole.conftest import HOUSEHOLDS, NIGHT, Worked
from tests.whole.test_night import write_answers

Bytes = Callable[[Path], dict[str, bytes]]
LATER = NIGHT + timedelta(days=3)


@dataclass(frozen=True)
class Story:
    undisturbed: Path
    backup: Path
    keys: Path
    told: Restored
    restored: Path  # as it was restored
    work: Path  # the same, a night later


@pytest.fixture(scope="module")
def story(worked: Worked, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("again")
    undisturbed = Path(shutil.copytree(worked.work, folder / "undisturbed"))
    with open_desk(worked.config, undisturbed) as desk:
        opened = alerts.open_alerts(desk.engine, NIGHT).filter(lane="risk")
        write_answers(desk, dict(zip(opened["alert_id"], ("no_need", "unreached"), strict=False)), opened)
        back_up(desk, worked.config, folder / "it.backup", folder / "safe" / "keys")
    work = folder / "another-machine"
    shutil.copytree(folder / "safe" / "keys", work / "keys")
    told = restore(worked.config, work, folder / "it.backup")
    restored = Path(shutil.copytree(work, folder / "restored"))
    for place in (undisturbed, work):
        with open_desk(worked.config, place) as desk, running(desk, "nightly", LATER) as run:
            work_night(desk, run)
    return Story(undisturbed, folder / "it.backup", folder / "safe" / "keys", told, restored, work)


def test_every_byte_comes_back_and_the_next_night_is_that_of_the_undisturbed_folder(
    worked: Worked, story: Story, bytes_of: Bytes
) -> None:
    assert (story.told.last_night, story.told.findings, story.told.has_other_settings) == (str(NIGHT), (), False)
    # Without the database, which is compared by what the night makes of it.
    then = kept(bytes_of(worked.work))
    back = {name: data for name, data in kept(bytes_of(story.restored)).items() if name in then}
    assert back == then
    assert bytes_of(story.work / "outbox") == bytes_of(story.undisturbed / "outbox")
    assert (story.work / "outbox" / str(LATER)).is_dir()


def kept(told: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in told.items() if not name.startswith(("blindspot.db", "lock", "scratch"))}


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
    people = make_country(CountrySettings(households=HOUSEHOLDS, seed=1)).identities
    named = people.filter(pl.col("name").is_in([word for word in people["name"] if word in sheet.read_text("utf-8")]))
    others = named.with_columns(pl.lit("바뀐이름").alias("name"), pl.lit("010-9999-9999").alias("phone"))
    identities.register_people(desk.engine, desk.keys, others.select("person_no", "name", "phone"), LATER)
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
    work, config = Path(shutil.copytree(story.work, tmp_path / "work")), tmp_path / "config.yaml"
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
    names = json.loads((place / "manifest.json").read_bytes())["files"]
    made = {name: (place / name).read_bytes() for name in names}
    changed, gone = sorted(made)[:2]
    made[changed] += b"x"
    del made[gone]
    made["more.csv"] = b""
    monkeypatch.setattr(replay_module, "_work_again", lambda *_: (made, ("because",)))
    with open_desk(worked.config, story.work) as desk:
        told = replay(desk, worked.night.run)
    assert (told.different, told.missing, told.new) == ((changed,), (gone,), ("more.csv",))
    assert not told.is_equal
    assert "because" in told.why


def test_what_cannot_be_compared_or_read_is_refused(worked: Worked, story: Story, tmp_path: Path) -> None:
    work = Path(shutil.copytree(story.work, tmp_path / "work"))
    manifest = work / "outbox" / str(NIGHT) / "manifest.json"
    with open_desk(worked.config, work) as desk:
        with pytest.raises(OperatorError, match="no night that is done"):
            replay(desk, worked.trained.run)
        data = manifest.read_bytes()
        manifest.write_bytes(data.replace(b'"0', b'"1', 1))
        with pytest.raises(OperatorError, match="not what that night published"):
            replay(desk, worked.night.run)
        manifest.write_bytes(data)
        (work / "nights" / f"{worked.night.run}.json").unlink()
        with pytest.raises(OperatorError, match="was not kept"):
            replay(desk, worked.night.run)
