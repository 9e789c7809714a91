"""What agencies and operators are told."""

import csv
import io
from datetime import date, timedelta

import polars as pl

from signals.catalogue import SIGNALS
from signals.intake import SET_ASIDE, Split
from signals.reply import write_reply
from signals.rules import RULES
from signals.volume import unusual
from tests.signals.test_rules import split
from tests.signals.writer import good_row, layout_of, name_of, write

MONTH = date(2026, 8, 1)


def read(reply: bytes) -> list[dict[str, str]]:
    assert reply.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(reply.decode("utf-8-sig"))))


def test_reply_tells_line_column_rule_and_cure_but_no_cell() -> None:
    good = good_row("nhis")
    raw = write(layout_of("nhis"), [good, {**good, "amount": "천만원"}, {**good, "person_no": "800101-9"}])
    reply = write_reply(split("nhis", raw), name_of("nhis"))
    lines = read(reply)
    assert lines[0]["내용"] == "nhis_202608_20261015.csv: 받은 3줄 가운데 1줄을 받아들이고 2줄을 제외했습니다."
    assert [(x["구분"], x["줄"], x["칸"]) for x in lines[1:]] == [
        ("제외", "3", "금액(원)"),
        ("제외", "4", "주민등록번호"),
    ]
    assert lines[1]["내용"] == RULES["amount_unreadable"].what_ko
    assert lines[1]["고치는 방법"] == RULES["amount_unreadable"].cure_ko
    assert "천만원" not in reply.decode()
    assert "800101" not in reply.decode()


def test_every_rule_can_be_told() -> None:
    bad = pl.DataFrame([(i, "", rule) for i, rule in enumerate(RULES)], schema=SET_ASIDE, orient="row")
    lines = read(write_reply(Split(bad.clear(), bad, bad.height, (), ()), name_of("nhis")))
    assert len(lines) == 1 + len(RULES)
    assert all(line["내용"] and line["고치는 방법"] for line in lines[1:])


def test_reply_names_columns_nobody_declared_and_starts_no_formula() -> None:
    header, rest = write(layout_of("nhis"), [good_row("nhis")]).split(b"\r\n", 1)
    raw = header + b",=HYPERLINK(1)" + b"\r\n" + rest.replace(b"\r\n", b",x\r\n")
    told = split("nhis", raw)
    assert told.leftover == ("HYPERLINK(1)",)
    assert not any(
        cell.startswith(("=", "+", "-", "@"))
        for line in read(write_reply(told, name_of("nhis")))
        for cell in line.values()
    )


def expected(households: int, agency: str = "nhis") -> dict[str, int]:
    return {s.name: round(s.per_1000 * households / 1000) for s in SIGNALS.values() if s.agency == agency}


def counts(rows: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame({"signal": list(rows), "rows": list(rows.values())})


def test_usual_counts_are_no_news() -> None:
    for households in (100, 20_000, 2_000_000):
        assert unusual(counts(expected(households)), households, MONTH) == []


def test_far_too_many_far_too_few_and_silence_are_told() -> None:
    usual = expected(200_000)
    for wrong in (usual["health_arrears"] * 6, usual["health_arrears"] // 6, 0):
        assert [
            s for s in unusual(counts({**usual, "health_arrears": wrong}), 200_000, MONTH) if "건강보험료 체납" in s
        ]
    del usual["health_arrears"]
    assert len(unusual(counts(usual), 200_000, MONTH)) == 1


def test_feeds_of_one_kind_of_housing_are_never_short() -> None:
    assert unusual(counts({"rent_arrears": 0}), 200_000, MONTH) == []
    assert len(unusual(counts({"rent_arrears": 90_000}), 200_000, MONTH)) == 1


def test_a_signal_that_did_not_exist_yet_is_not_missed() -> None:
    newest = SIGNALS["policy_loan"]
    others = {name: rows for name, rows in expected(200_000, newest.agency).items() if name != newest.name}
    assert unusual(counts(others), 200_000, newest.available_from - timedelta(days=1)) == []
    assert len(unusual(counts(others), 200_000, newest.available_from)) == 1
