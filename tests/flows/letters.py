"""A tiny country written by hand: three households, one office, and the files that speak of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from alerts.columns import ALERT_HEADER, ANSWER_COLUMNS, OFFICE_HEADER

ROOT = Path(__file__).parent.parent.parent
OFFICE = "1111051500"
OFFICES = f"office,name_ko,district,district_ko,region_ko,capacity\n{OFFICE},가상동,11110,종로구,서울특별시,5\n"
PEOPLE = ("900101-1234567", "850505-2345678", "400303-1456789")
ADDRESSES = tuple(f"서울특별시 종로구 가상로 {n}, 101동 {n}01호" for n in (1, 2, 3))

NHIS_HEADER = ("증번호", "성명", "주민등록번호", "자료구분", "기준년월", "체납월수", "금액(원)")
NHIS = "nhis_202608_20261015.csv"


def nhis_row(person: str = "9001011234567", **changed: str) -> tuple[str, ...]:
    told = {"code": "체납", "month": "202608", "months": "5", "won": "123,000", **changed}
    return ("1", "홍**", person, told["code"], told["month"], told["months"], told["won"])


def csv(header: Sequence[str], rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    quoted = (separator.join(f'"{c}"' if separator in c else c for c in row) for row in (header, *rows))
    return "".join(f"{line}\r\n" for line in quoted)


def nhis(*rows: tuple[str, ...], header: Sequence[str] = NHIS_HEADER) -> bytes:
    return csv(header, rows or (nhis_row(),)).encode("cp949")


def residents(moved_in: str = "2020-01-01") -> bytes:
    header = ("주민등록번호", "성명", "연락처", "세대번호", "세대주여부", "편입일", "말소일", "말소사유")
    rows = [
        (person, f"가상인{n}", f"010-1234-000{n}", f"H000-0000{n}", "Y", moved_in, "", "")
        for n, person in enumerate(PEOPLE)
    ]
    return csv(header, rows).encode("utf-8-sig")


def addresses() -> bytes:
    header = ("세대번호", "도로명주소", "주거유형", "행정동코드", "전입일", "전출일")
    rows = [(f"H000-0000{n}", place, "아파트", OFFICE, "20200101", "") for n, place in enumerate(ADDRESSES)]
    return csv(header, rows, separator="|").encode("cp949")


def write_work(folder: Path, database: str | None = None, **night: object) -> Path:
    """A work folder with registers in its inbox; returns the settings file beside it."""
    told = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    told |= {"work": "work", "database": database}
    told["night"] |= {"required_sources": ["residents", "addresses"], **night}
    inbox = folder / "work" / "inbox"
    inbox.mkdir(parents=True)
    (folder / "work" / "offices.csv").write_text(OFFICES, encoding="utf-8")
    (inbox / "residents_202608_20260910.csv").write_bytes(residents())
    (inbox / "addresses_202608_20260910.csv").write_bytes(addresses())
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(told, allow_unicode=True), encoding="utf-8")
    return config


def sheet(*rows: dict[str, str], header: Sequence[str] = ()) -> bytes:
    """A sheet as an office sends it back: columns by the names of alerts.answers, words as officers choose them."""
    names = {"alert_id": ALERT_HEADER, "office": OFFICE_HEADER} | {c.name: c.header for c in ANSWER_COLUMNS}
    columns = header or list(dict.fromkeys(["alert_id", *(name for row in rows for name in row)]))
    told = [[row.get(name, "") for name in columns] for row in rows]
    return csv([names.get(name, name) for name in columns], told).encode("utf-8-sig")


def sheet_name(office: str = OFFICE, day: str = "20261102") -> str:
    return f"queue_{office}_{day}.csv"
