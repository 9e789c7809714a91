"""A research file: nobody can be linked back to a token, or from one file to another."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from features.anonymous import QUASI
from flows import research
from flows.cli import app
from flows.desk import Desk, open_desk
from flows.door import Asker
from flows.errors import EXIT_CODES, OperatorError
from flows.inbox import take_in
from flows.matrix import households_on
from flows.research import write_research
from flows.stops import stop_household
from store.database import reading
from store.purposes import Purpose
from store.tables import Access
from tests.flows import letters

NIGHT = date(2026, 11, 2)
ASKER = Asker("연구자", Purpose.RESEARCH, "사각지대 연구 2026-17")
HOMES = 60


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = letters.write_work(tmp_path_factory.mktemp("country"))
    header = ("주민등록번호", "성명", "연락처", "세대번호", "세대주여부", "편입일", "말소일", "말소사유")
    people = [
        (f"{50 + n % 40}0101-1{n:06d}", f"가상인{n}", "", f"H000-{n:05d}", "Y", "2020-01-01", "", "")
        for n in range(HOMES)
    ]
    header2 = ("세대번호", "도로명주소", "주거유형", "행정동코드", "전입일", "전출일")
    homes = [
        (f"H000-{n:05d}", f"서울특별시 종로구 가상로 {n}, 101동 1호", "아파트", letters.OFFICE, "20200101", "")
        for n in range(HOMES)
    ]
    inbox = file.parent / "work" / "inbox"
    for name, data in (
        ("residents_202608_20260910.csv", letters.csv(header, people).encode("utf-8-sig")),
        ("addresses_202608_20260910.csv", letters.csv(header2, homes, separator="|").encode("cp949")),
    ):
        (inbox / name).write_bytes(data)
    with open_desk(file) as desk:
        take_in(desk, NIGHT)
        stop_household(desk, "H000-00007", "requested", NIGHT, None)
    return file


def test_two_files_of_one_day_share_no_number_and_hold_no_token(config: Path, tmp_path: Path) -> None:
    with open_desk(config) as desk:
        files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
        for file in files:
            write_research(desk, NIGHT, file, 5, ASKER)
        one, two = (pl.read_parquet(file) for file in files)
        keys = households_on(desk, NIGHT)["household_key"]
        assert one.height == two.height == HOMES - 1, "the household that was stopped is in none"
        assert one["id"].n_unique() == one.height
        assert not set(one["id"]) & set(two["id"])
        assert one["id"].is_sorted(), "the order of rows tells nothing"
        assert one.columns[: 1 + len(QUASI)] == ["id", *QUASI]
        cells = {str(cell) for column in one.get_columns() for cell in column.to_list()}
        assert not cells & {str(key) for key in keys}
        assert not cells & {letters.OFFICE, "11110", "종로구"}
        assert (one.group_by(list(QUASI)).len()["len"] >= 5).all()
        raw = b"".join(f.read_bytes() for f in tmp_path.iterdir())
        assert not any(str(key).encode() in raw for key in keys)
        with reading(desk.engine) as session:
            told = [one for one in session.query(Access).order_by(Access.seq) if one.task == "research"]
        assert [(a.purpose, a.rows) for a in told] == [("research", HOMES - 1)] * 2
        facts = json.loads((tmp_path / "a.parquet.json").read_text(encoding="utf-8"))
        assert (facts["k"], facts["households"], facts["suppressed"]) == (5, HOMES - 1, 0)
        assert "제28조의5" in (tmp_path / "a.parquet.md").read_text(encoding="utf-8")
        assert (tmp_path / "a.parquet").stat().st_mode & 0o077 == 0


def test_the_key_is_drawn_anew_and_kept_nowhere(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key in hand the numbers could be worked out: the test must see that it matters."""
    drawn: list[bytes] = []

    def draw(size: int) -> bytes:
        drawn.append(bytes([len(drawn) + 1]) * size)
        return drawn[-1]

    monkeypatch.setattr(research.secrets, "token_bytes", draw)  # type: ignore[attr-defined]
    frame = pl.DataFrame({"household_key": [1, -2, 3]})
    one, two = research._without_way_back(frame), research._without_way_back(frame)
    assert len(drawn) == 2
    assert not set(one["id"]) & set(two["id"])
    kept = b"".join(f.read_bytes() for f in config.parent.rglob("*") if f.is_file())
    assert not any(key in kept or key.hex().encode() in kept for key in drawn)


def test_too_few_alike_writes_and_logs_nothing(config: Path, tmp_path: Path) -> None:
    def logged(desk: Desk) -> int:
        with reading(desk.engine) as session:
            return session.query(Access).count()

    with open_desk(config) as desk:
        before = logged(desk)
        with pytest.raises(OperatorError, match="would have to be left out"):
            write_research(desk, NIGHT, tmp_path / "a.parquet", 1000, ASKER)
        (tmp_path / "there").write_bytes(b"x")
        with pytest.raises(OperatorError, match="exists"):
            write_research(desk, NIGHT, tmp_path / "there", 5, ASKER)
        assert logged(desk) == before
    assert [file.name for file in tmp_path.iterdir()] == ["there"]


def test_on_the_command_line(config: Path, tmp_path: Path) -> None:
    usual = ["--as-of", str(NIGHT), "--config", str(config), "--by", "연구자", "--reason", "연구"]
    told = CliRunner().invoke(app, ["research", "--out", str(tmp_path / "a.parquet"), *usual])
    assert told.exit_code == 0, told.output
    assert "59 households" in told.output
    refused = CliRunner().invoke(app, ["research", "--out", str(tmp_path / "b.parquet"), "--k", "100", *usual])
    assert isinstance(refused.exception, OperatorError)
    assert refused.exception.exit_code == EXIT_CODES["research"]
    assert CliRunner().invoke(app, ["research", "--out", "x", "--k", "2", *usual]).exit_code == 2
