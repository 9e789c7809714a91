"""Lake and scratch in object storage: moto's server on loopback, found by the environment alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow.fs as pafs
import pytest
from polars.testing import assert_frame_equal

from benchmarks.cluster_parts import BUCKET, ObjectStorage
from signals.tables import OBSERVATIONS
from store.faults import StoreError
from store.lake import TABLES, Lake
from store.shuffle import Shuffle
from tests.store.test_lake import DAY, told

PARTS = 5


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ObjectStorage(tmp_path_factory.mktemp("storage")):
        yield f"s3://{BUCKET}"


@dataclass(frozen=True)
class Pair:
    """The same in a folder and in object storage."""

    here: str
    there: str


@pytest.fixture
def pair(bucket: str, tmp_path: Path) -> Pair:
    return Pair(str(tmp_path / "place"), f"{bucket}/{tmp_path.name}")


def filled(place: str) -> Lake:
    lake = Lake(f"{place}/lake")
    for number in range(3):
        lake.append("observations", told(f"d{number}", rows=40, start=number * 40), f"d{number}")
    return lake


def known(lake: Lake, day: date = DAY) -> list[pl.DataFrame]:
    versions, columns = lake.versions(), OBSERVATIONS.names()
    return [
        lake.range_known_on("observations", day, ("d1",), (part, PARTS), versions["observations"], columns).sort(
            columns
        )
        for part in range(PARTS)
    ]


def test_a_lake_reads_the_same_by_ranges_before_and_after_it_is_tidied(pair: Pair) -> None:
    here, there = filled(pair.here), filled(pair.there)
    assert there.versions() == here.versions() == dict.fromkeys(TABLES, 0) | {"observations": 3}
    for lake in (here, there):
        assert not lake.append("observations", told("d2", rows=9), "d2")
    before = known(here)
    assert sum(rows.height for rows in before) == 80
    assert there.tidy(f"{pair.there}/scratch", files=2) == ["observations"]
    for ours, theirs in zip(before, known(there), strict=True):
        assert_frame_equal(ours, theirs)
    assert there.deliveries("observations") == {"d0", "d1", "d2"}
    assert all(rows.is_empty() for rows in known(there, DAY - timedelta(days=1)))


def test_a_large_delivery_goes_there_in_one_commit(pair: Pair) -> None:
    lake, rows = Lake(f"{pair.there}/lake"), told("d1", rows=60).sort("key")
    assert lake.append_stream("observations", "d1", DAY, [rows[:20], rows[20:]])
    assert not lake.append_stream("observations", "d1", DAY, [rows])
    assert_frame_equal(lake.known_on("observations", DAY).sort("key"), rows)


def test_scores_are_written_once(pair: Pair) -> None:
    lake = Lake(f"{pair.there}/lake")
    scores = pl.DataFrame({"household_key": [1, 2], "margin": [0.5, 0.25], "probability": [0.1, 0.2]})
    assert lake.write_scores(DAY, lambda: [scores])
    assert not lake.write_scores(DAY, lambda: [scores[:1], scores[1:]])
    assert lake.read_scores(DAY).drop("as_of").equals(scores)


@pytest.mark.parametrize("storage", ["here", "there"])
def test_what_is_handed_on_arrives_and_is_gone_after(pair: Pair, storage: str) -> None:
    shuffle = Shuffle(f"{getattr(pair, storage)}/scratch")
    frame = pl.DataFrame({"key": range(-(2**62), 2**62, 2**57), "name": ["값"] * 64})
    shuffle.scatter("rows", 0, frame, "key", PARTS)
    shuffle.scatter("rows", 1, frame[:0], "key", PARTS)
    shuffle.keep("mine", 3, frame)
    assert pl.concat(shuffle.gather("rows", part, [0, 1]) for part in range(PARTS)).equals(frame)
    assert shuffle.kept("mine", 3).equals(frame)
    assert shuffle.has("mine", 3) and not shuffle.has("mine", 2)
    shuffle.clear()
    assert not shuffle.has("mine", 3)


@pytest.mark.parametrize("storage", ["here", "there"])
def test_a_file_whose_writer_fails_half_way_was_never_there(
    pair: Pair, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffle = Shuffle(f"{getattr(pair, storage)}/scratch")
    frame = pl.DataFrame({"key": [-(2**62), 0, 2**62]})
    shuffle.scatter("rows", 0, frame, "key", 2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("store.shuffle._nothing", _killed)
        shuffle.scatter("rows", 0, frame[:1], "key", 2)  # its second range is empty
    assert shuffle.gather("rows", 1, [0])["key"].to_list() == [0, 2**62]
    files, root = shuffle._files, shuffle._root
    assert len(files.get_file_info(pafs.FileSelector(f"{root}/rows"))) == 1


def _killed(_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("kept", [0.3, 0.97])
@pytest.mark.parametrize("storage", ["here", "there"])
def test_half_a_file_is_not_taken_for_a_whole_one(pair: Pair, storage: str, kept: float) -> None:
    shuffle = Shuffle(f"{getattr(pair, storage)}/scratch")
    shuffle.scatter("rows", 0, pl.DataFrame({"key": range(1000)}), "key", PARTS)
    place = shuffle._place("rows", 0)
    with shuffle._files.open_input_file(place) as file:
        whole = file.read()
    with shuffle._files.open_output_stream(place) as out:
        out.write(whole[: int(len(whole) * kept)])
    with pytest.raises(StoreError, match=r"rows/00000\.arrow is not whole -> run the night again"):
        shuffle.gather("rows", 2, [0])
