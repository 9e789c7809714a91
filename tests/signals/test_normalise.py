"""The same person or home is written in one way, however it arrived."""

import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import normalise
from signals.parse import wholes

FULL = "가람특별시 중구 은행로 12 101동 1203호"


def one(expression: pl.Expr, cell: str | None) -> object:
    return pl.select(expression) if cell is None else pl.DataFrame({"x": [cell]}).select(expression).item()


@pytest.mark.parametrize(
    "written",
    [
        "900101-1234567",
        "9001011234567",
        " 900101 - 1234567 ",
        "９００１０１－１２３４５６７",
        "900101–1234567",
        "900101\u200b1234567",
    ],
)
def test_person_numbers(written: str) -> None:
    assert one(normalise.person_no(pl.col("x")), written) == "9001011234567"


@pytest.mark.parametrize("written", ["", "90010112345", "901301-1234567", "900132-1234567", "900101-123456A", "*" * 13])
def test_no_person_number(written: str) -> None:
    assert one(normalise.person_no(pl.col("x")), written) is None


@pytest.mark.parametrize(
    ("number", "year"),
    [
        ("9001011234567", 1990),
        ("0501013234567", 2005),
        ("8501015234567", 1985),
        ("1001017234567", 2010),
        ("9901019234567", 1899),
    ],
)
def test_birth_years(number: str, year: int) -> None:
    assert one(normalise.birth_year(pl.col("x")), number) == year


@pytest.mark.parametrize(
    "written",
    [
        FULL,
        "가람특별시  중구 은행로 12, 101동 1203호 (행복동, 한마음아파트)",
        "가람특별시 중구 은행로 12(행복동) 101동1203호",
        "가람특별시 중구 은행로 １２, １０１동 제１２０３호",
    ],
)
def test_addresses(written: str) -> None:
    assert one(normalise.address(pl.col("x")), written) == FULL


@pytest.mark.parametrize(
    ("written", "house", "has_unit"),
    [
        (FULL, "가람특별시 중구 은행로 12", True),
        ("가람특별시 중구 은행로 12 302호", "가람특별시 중구 은행로 12", True),
        ("가람특별시 중구 은행로 12-3 B02호", "가람특별시 중구 은행로 12-3", True),
        ("가람특별시 중구 은행로 12-3 지하 1호", "가람특별시 중구 은행로 12-3", True),
        ("가람특별시 중구 은행로 12-3 가동 102호", "가람특별시 중구 은행로 12-3", True),
        ("가람특별시 중구 은행로 12-3 2층 201-1호", "가람특별시 중구 은행로 12-3", True),
        ("가람특별시 중구 은행로 12-3", "가람특별시 중구 은행로 12-3", False),
        ("가람특별시 중구 은행로 12 101동", "가람특별시 중구 은행로 12 101동", False),
        ("나루도 산들군 다솜면 새터1길 7", "나루도 산들군 다솜면 새터1길 7", False),
    ],
)
def test_buildings_and_units(written: str, house: str, has_unit: bool) -> None:
    full = pl.DataFrame({"x": [written]}).select(x=normalise.address(pl.col("x")))
    assert full.select(normalise.building(pl.col("x"))).item() == house
    assert full.select(normalise.has_unit(pl.col("x"))).item() is has_unit


@pytest.mark.parametrize("region", ["서울 ", "서울시 ", "서울특별시 "])
def test_regions_have_one_name(region: str) -> None:
    assert one(normalise.address(pl.col("x")), f"{region}종로구 자하문로 45") == "서울특별시 종로구 자하문로 45"


@pytest.mark.parametrize("written", ["010-1234-5678", "01012345678", "+82 10-1234-5678", "（０１０）１２３４５６７８"])
def test_phones(written: str) -> None:
    assert one(normalise.phone(pl.col("x")), written) == "01012345678"


@pytest.mark.parametrize("written", ["없음", "1234", "", "10-1234-5678"])
def test_no_phone(written: str) -> None:
    assert one(normalise.phone(pl.col("x")), written) is None


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=30) | st.text("가서울동호제길로지하층B12 -(),.", max_size=30))
def test_normalising_twice_changes_nothing(written: str) -> None:
    frame = pl.DataFrame({"x": [written]}, schema={"x": pl.String})
    for form in (normalise.person_no, normalise.household_no, normalise.address, normalise.phone):
        once = frame.select(form(pl.col("x")))
        assert once.select(form(pl.col("x"))).equals(once)


@settings(deadline=None, max_examples=60)
@given(st.integers(-(10**14), 10**14))
def test_numbers_with_and_without_commas(number: int) -> None:
    for written in (f"{number}", f"{number:,}"):
        assert wholes(pl.Series([written, None])).to_list() == [number, None]


@pytest.mark.parametrize("written", ["1,23", "12,345,6", "1.5", "1e5", "--1", "천원", "1" * 16])
def test_no_numbers(written: str) -> None:
    assert wholes(pl.Series([written])).to_list() == [None]


LETTERS = st.sampled_from(
    [*"가동호제시 \t\r-,;()[ab{`Aßéﬀ１Ａ㈜", "\u1100", "\u1161", "\u11a8", "\u200b", "\ufeff", "\u2010", "\x00"]
)


@given(
    st.lists(
        st.text(LETTERS, max_size=6) | st.text(st.characters(exclude_categories=["Cn", "Cs"]), max_size=4),
        min_size=1,
        max_size=8,
    )
)
def test_texts_are_plain_as_unicode_defines_it(cells: list[str]) -> None:
    told = pl.DataFrame({"cell": [*cells, None]}).select(normalise.text(pl.col("cell")))["cell"].to_list()
    assert told == [*(slow_text(cell) for cell in cells), None]


def slow_text(cell: str) -> str | None:
    kept = (letter for letter in unicodedata.normalize("NFKC", cell) if unicodedata.category(letter)[0] != "C")
    return "".join(kept).strip() or None


def test_only_what_stands_in_brackets_is_left_out_of_an_address() -> None:
    cells = pl.Series(["가람로 1 (가) 2 (나)", "가람로 1, 2 (가)", "가람로 1) 2 (가)", "가람로 1 (가 (나)"])
    found = cells.to_frame("cell").select(normalise.address(pl.col("cell"))).to_series()
    assert found.to_list() == ["가람로 1 2", "가람로 1 2", "가람로 1 2", "가람로 1"]


WORDS = "서울특별시|서울|경기도|종로구|가람로|12|3-4|A|a|１|\u2010|\t|  |, |(행복동)| (가, 나)|101동 1203호|동제2호| -|"
PIECES = st.sampled_from([*"가호동제·.;,()- ", *WORDS.split("|")])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(PIECES, max_size=9).map("".join), min_size=1, max_size=6))
def test_an_address_as_most_are_written_is_spelled_as_any_other(drawn: list[str]) -> None:
    told = [*drawn, *(f"서울특별시 종로구 가람로 1{tail}" for tail in drawn), None]
    cells = pl.Series("address", told, dtype=pl.String)
    assert normalise.addresses(cells).equals(normalise._odd_addresses(cells), check_names=True)
