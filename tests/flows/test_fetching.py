"""Deliveries from a folder, from object storage and from an agency's own table, taken in as if they had been sent."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from benchmarks.cluster_parts import BUCKET, ObjectStorage
from flows.desk import Desk, open_desk
from flows.errors import OperatorError
from flows.fetching import fetch
from flows.inbox import take_in
from flows.knowledge import known_on
from flows.settings import Source, load_settings
from store import deliveries
from tests.flows import letters
from tests.flows.letters import NHIS, nhis, nhis_row

NIGHT = date(2026, 11, 2)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    config = letters.write_work(tmp_path)
    with open_desk(config, tmp_path / "work") as opened:
        take_in(opened, NIGHT)
        yield opened


def told_by(desk: Desk, *sources: Source, whole_when: str = "line_end") -> Desk:
    inbox = desk.settings.inbox.model_copy(update={"whole_when": whole_when})
    return replace(desk, settings=desk.settings.model_copy(update={"sources": sources, "inbox": inbox}))


def fetched(desk: Desk, day: date = NIGHT) -> list[tuple[str, str]]:
    """What is told of the fetching, then what becomes of the files."""
    told = [*fetch(desk, day), *take_in(replace(desk, settings=desk.settings.model_copy(update={"sources": ()})), day)]
    return [(taken.file, taken.state) for taken in told]


def rows(desk: Desk) -> list[tuple[int, int]]:
    seen = known_on(desk, NIGHT).observations
    return sorted(seen.select("months", "amount_won").iter_rows())


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / NHIS).write_bytes(nhis(nhis_row(), nhis_row("8505052345678")))
    (folder / "kepco_202608_20261015.csv").write_bytes(b"another agency's")
    (folder / "readme.txt").write_bytes(b"not ours")
    return folder


def test_a_folder_is_read_once_and_left_as_it_is(desk: Desk, theirs: Path) -> None:
    before = sorted((path.name, path.read_bytes()) for path in theirs.iterdir())
    ours = told_by(desk, Source(source="nhis", place=str(theirs)))
    assert fetched(ours) == [(NHIS, "taken")]
    assert len(rows(desk)) == 2
    assert fetched(ours) == []
    assert sorted((path.name, path.read_bytes()) for path in theirs.iterdir()) == before
    (theirs / NHIS).write_bytes(nhis(nhis_row(months="6")))
    assert fetched(ours) == [(NHIS, "refused")], "other bytes for the same place need a revision"
    (theirs / NHIS.replace(".csv", "_r1.csv")).write_bytes(nhis())
    assert fetched(ours) == [(NHIS.replace(".csv", "_r1.csv"), "taken")]
    assert len(rows(desk)) == 1
    (theirs / f"{NHIS.replace('.csv', '_r1.csv')}.withdrawn").touch()
    assert [state for _, state in fetched(ours)] == ["taken"]
    assert rows(desk) == []
    assert fetched(ours) == []


def test_a_file_that_still_grows_there_waits_there(desk: Desk, theirs: Path) -> None:
    source = Source(source="nhis", place=str(theirs))
    assert fetched(told_by(desk, source, whole_when="quiet")) == [(NHIS, "waiting")]
    assert fetched(told_by(desk, source, whole_when="marker")) == [(NHIS, "waiting")]
    whole = (theirs / NHIS).read_bytes()
    (theirs / NHIS).write_bytes(whole[:-9])
    assert fetched(told_by(desk, source)) == [(NHIS, "waiting")], "cut off, and fresh"
    (theirs / NHIS).write_bytes(whole)
    (theirs / f"{NHIS}.done").touch()
    assert fetched(told_by(desk, source, whole_when="marker")) == [(NHIS, "taken")]
    assert not list(desk.inbox.iterdir())


def test_their_digest_is_held_against_what_came(desk: Desk, theirs: Path) -> None:
    (theirs / f"{NHIS}.sha256").write_text("0" * 64)
    os.utime(theirs / NHIS, (0, 0))
    assert fetched(told_by(desk, Source(source="nhis", place=str(theirs)))) == [(NHIS, "refused")]


def test_a_place_that_does_not_answer_stops_nobody_else(desk: Desk, theirs: Path) -> None:
    gone = Source(source="kepco", place=str(theirs / "gone"))
    database = Source(source="moel", database="postgresql+psycopg://reader@/none?host=/nowhere", table="t")
    ours = told_by(desk, gone, database, Source(source="nhis", place=str(theirs)))
    told = list(fetch(ours, NIGHT))
    assert [(taken.source, taken.state) for taken in told] == [("kepco", "waiting"), ("moel", "waiting")]
    assert "call 한국전력공사" in told[0].cure
    assert fetched(ours)[-1] == (NHIS, "taken")


def test_from_object_storage(desk: Desk, theirs: Path, tmp_path: Path) -> None:
    with ObjectStorage(tmp_path):
        pafs.copy_files(str(theirs), f"s3://{BUCKET}/to-us")
        ours = told_by(desk, Source(source="nhis", place=f"s3://{BUCKET}/to-us"), whole_when="marker")
        assert fetched(ours) == [(NHIS, "taken")], "an object appears whole"
        assert fetched(ours) == []
        nowhere = told_by(desk, Source(source="nhis", place="s3://no-such-bucket/x"))
        assert [state for _, state in fetched(nowhere)] == ["waiting"]
    assert len(rows(desk)) == 2


PEOPLE = [("9001011234567", "202608", 5, 123_000), ("8505052345678", "202608", 7, 5), ("4003031456789", "202607", 9, 8)]


def their_table(url: str, schema: str = "") -> tuple[Callable[[str], None], Source]:
    """nhis's rows, of which the name of a column is another and one is of a month not over yet."""
    engine, place = create_engine(url, poolclass=NullPool), f"{schema}arrears"

    def say(words: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(words.replace("arrears", place)))

    if schema:
        say(f"CREATE SCHEMA {schema.rstrip('.')}")
    say(
        'CREATE TABLE arrears (rrn TEXT, "성명" TEXT, "자료구분" VARCHAR(20), "기준년월" TEXT, "체납월수" NUMERIC(5),'
        ' "금액(원)" BIGINT)'
    )
    for number, month, months, won in [*PEOPLE, ("9001011234567", "202611", 6, 1)]:
        say(f"INSERT INTO arrears VALUES ('{number}', '홍길동', '체납', '{month}', {months}, {won})")
    return say, Source(source="nhis", database=url, table=place, columns={"주민등록번호": "rrn"})


def test_a_table_month_by_month_and_corrected_when_it_changes(desk: Desk, tmp_path: Path) -> None:
    say, source = their_table(f"sqlite:///{tmp_path / 'theirs.db'}")
    ours = told_by(desk, source)
    july, august = "nhis_202607_20261102", "nhis_202608_20261102"
    assert fetched(ours) == [(f"{july}.csv", "taken"), (f"{august}.csv", "taken")], "November is not over"
    assert rows(desk) == [(5, 123_000), (7, 5), (9, 8)]
    kept = next(d for d in deliveries.listed(desk.engine) if d.file_name == f"{august}.csv")
    raw = desk.archive.open(kept.id).decode("cp949")
    assert raw.splitlines()[0] == ",".join(letters.NHIS_HEADER)
    assert "홍길동" not in raw, "what is never taken in is not asked for"
    assert fetched(ours) == []
    say("UPDATE arrears SET \"체납월수\" = 8 WHERE rrn = '8505052345678'")
    assert fetched(ours) == [(f"{august}_r1.csv", "taken")]
    assert rows(desk) == [(5, 123_000), (8, 5), (9, 8)]
    assert fetched(ours) == []
    say("UPDATE arrears SET \"체납월수\" = 7 WHERE rrn = '8505052345678'")
    assert fetched(ours) == [(f"{august}_r2.csv", "taken")], "as it was at first"
    assert rows(desk) == [(5, 123_000), (7, 5), (9, 8)]
    assert fetched(ours) == []
    say("UPDATE arrears SET \"체납월수\" = NULL WHERE rrn = '4003031456789'")
    assert fetched(told_by(desk, source.model_copy(update={"months": 1}))) == [], "July is not looked at again"
    assert fetched(ours) == [(f"{july}_r1.csv", "taken")]
    assert rows(desk) == [(5, 123_000), (7, 5)], "the contract holds for tables too"


def test_a_table_of_postgresql(desk: Desk, postgres: Callable[[], str]) -> None:
    _, source = their_table(postgres(), "theirs.")
    assert [state for _, state in fetched(told_by(desk, source))] == ["taken", "taken"]
    assert rows(desk) == [(5, 123_000), (7, 5), (9, 8)]
    missing = source.model_copy(update={"columns": {"주민등록번호": "nobody"}})
    (told,) = fetch(told_by(desk, missing), NIGHT)
    assert told.state == "waiting"
    assert "nobody" in told.message


def test_dates_of_a_table_are_written_as_the_agency_writes_them(desk: Desk, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'theirs.db'}"
    with create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text('CREATE TABLE notices ("통보일" DATE, "통보구분" TEXT, "대상자 주민등록번호" TEXT)'))
        connection.execute(text("INSERT INTO notices VALUES ('2026-10-05', '없는 코드', '9001011234567')"))
    assert fetched(told_by(desk, Source(source="er-notice", database=url, table="notices"))) == [
        ("er-notice_202610_20261102.csv", "taken")
    ]
    kept = deliveries.listed(desk.engine)[-1]
    raw = desk.archive.open(kept.id).decode("utf-8-sig")
    assert raw.splitlines()[1] == "2026. 10. 5.,없는 코드,9001011234567"
    assert [rule for _, _, rule in deliveries.rows_set_aside(desk.engine, kept.id)] == ["unknown_code"]
    assert fetched(desk, NIGHT + timedelta(days=1)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "nobody", "place": "/x"},
        {"source": "nhis"},
        {"source": "nhis", "place": "/x", "database": "sqlite://"},
        {"source": "nhis", "place": "theirs"},
        {"source": "nhis", "database": "sqlite://"},
        {"source": "residents", "database": "sqlite://", "table": "t"},
        {"source": "nhis", "database": "postgresql+psycopg://reader:secret@host/db", "table": "t"},
        {"source": "nhis", "database": "sqlite://", "table": "t", "columns": {"이름": "n"}},
    ],
)
def test_a_source_that_cannot_be_meant_is_told_by_its_key(tmp_path: Path, wrong: dict[str, Any]) -> None:
    import yaml

    config = letters.write_work(tmp_path)
    told = yaml.safe_load(config.read_text(encoding="utf-8"))
    config.write_text(yaml.safe_dump(told | {"sources": [wrong]}, allow_unicode=True), encoding="utf-8")
    with pytest.raises(OperatorError, match=r"config.yaml · sources\.0") as refused:
        load_settings(config)
    assert refused.value.kind == "config"
