"""One written form per identifier, so that the same person or home always gets the same key. Polars expressions.

Texts are worked a column at a time rather than as one deep expression: Polars works out a part that is used twice
twice, and most cells need few of the steps.
"""

from collections.abc import Callable

import polars as pl

from signals.once import each_once

_DASHES = r"[\s\-\u00AD\u2010-\u2015\u2212\u318D·]"

# The region names that sources write for the same 시·도.
_REGIONS = {
    "서울": "서울특별시", "서울시": "서울특별시",
    "부산": "부산광역시", "부산시": "부산광역시",
    "대구": "대구광역시", "대구시": "대구광역시",
    "인천": "인천광역시", "인천시": "인천광역시",
    "광주시": "광주광역시",
    "대전": "대전광역시", "대전시": "대전광역시",
    "울산": "울산광역시", "울산시": "울산광역시",
    "세종": "세종특별자치시", "세종시": "세종특별자치시",
    "경기": "경기도",
    "강원": "강원특별자치도", "강원도": "강원특별자치도",
    "충북": "충청북도", "충남": "충청남도",
    "전북": "전북특별자치도", "전라북도": "전북특별자치도",
    "전남": "전라남도", "경북": "경상북도", "경남": "경상남도",
    "제주": "제주특별자치도", "제주도": "제주특별자치도",
}  # fmt: skip

# 101동 1203호, 제3동 제201호, 가동 102호, 1203호, B02호, 지하 1호: at the end, after the number of the building.
_UNIT = r"\s(?:(?:제?[0-9]{1,4}|[A-Z]|[가-하])동\s?)?제?(?:지하|지층|B|[0-9]{1,2}층)?\s?[0-9]{1,5}(?:-[0-9]{1,3})?호$"


# NFKC and the removal of control characters leave all others as they are, alone and beside each other.
_NOT_TEXT = "[^ -~가-힣]|^ | $|^$"
_NOT_UPPER = "[^ -`{-~가-힣]"
_NOT_WORDS = r"[,;()]|\s{2}|[^\S ]|^ | $"
_SPACED_DASH = " -|- |[\u2010-\u2015\u2212]"
_JOINED = "동(?: ?제|[0-9])"
# An address as most are written, in which none of these finds anything: a full region, words, a number among them, one
# pair of brackets at most, at the end. Looked for at once, in a third of the time.
_REST = "[0-9A-Z가-힣]*(?:-[0-9A-Z가-힣]+)*"
_WORD = f"[0-9A-Z가-힣]{_REST}"
_USUAL = (
    rf"^(?:{'|'.join(sorted(set(_REGIONS.values())))}),? (?:{_WORD},? )*[0-9]{_REST}(?:,? {_WORD})*"
    r"(?: ?\([ -'*-`{-~가-힣]*\))?$"
)


def text(cell: pl.Expr) -> pl.Expr:
    """Full-width to plain, outer spaces off, control characters out; empty becomes null."""
    return cell.map_batches(texts, return_dtype=pl.String, is_elementwise=True)


def texts(cells: pl.Series) -> pl.Series:
    """As `text`."""
    return each_once(cells, _text)


def _text(cells: pl.Series) -> pl.Series:
    if cells.cast(pl.Int64, strict=False).null_count() == cells.null_count():
        return cells  # whole numbers, seen at a third of the cost
    return _where(cells, _NOT_TEXT, _to_text)


def _to_text(cells: pl.Series) -> pl.Series:
    plain = cells.str.normalize("NFKC").str.replace_all(r"\p{C}", "").str.strip_chars()
    return plain.to_frame("cell").select(pl.when(pl.col("cell") != "").then("cell")).to_series()


def _without_dashes(cells: pl.Series) -> pl.Series:
    plain = cells.str.replace_all("-", "", literal=True)
    return _where(plain, _DASHES, lambda cells: cells.str.replace_all(_DASHES, ""))


def _where(cells: pl.Series, pattern: str, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`work` done on the cells that match, and on no other."""
    return _at(cells, cells.str.contains(pattern), work)


def _at(cells: pl.Series, chosen: pl.Series, work: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """`work` done on the cells chosen; null is not."""
    at = chosen.fill_null(False).arg_true()
    # scatter works in place.
    return cells.clone().scatter(at, work(cells.gather(at))) if len(at) else cells


def person_no(cell: pl.Expr) -> pl.Expr:
    """13 digits, or null. No checksum: numbers issued since October 2020 have none."""
    return cell.map_batches(person_nos, return_dtype=pl.String, is_elementwise=True)


def person_nos(cells: pl.Series) -> pl.Series:
    """As `person_no`."""
    # As nearly all are written: a hyphen, or none. The others are looked at more closely.
    is_plain = cells.str.contains(r"^[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-?[0-9]{7}$")
    at = (~is_plain.fill_null(True)).arg_true()
    return cells.str.replace("-", "", literal=True).scatter(at, _odd_person_no(cells.gather(at)))


def _odd_person_no(cells: pl.Series) -> pl.Series:
    digits = _without_dashes(_text(cells))
    return _if_matches(digits, r"^[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{7}$")


def _if_matches(cells: pl.Series, pattern: str) -> pl.Series:
    return cells.to_frame("cell").select(pl.when(pl.col("cell").str.contains(pattern)).then("cell")).to_series()


def birth_year(number: pl.Expr) -> pl.Expr:
    """From a normalised person number: its seventh digit says the century."""
    digit = number.str.slice(6, 1)
    century = (
        pl.when(digit.is_in(["1", "2", "5", "6"])).then(1900).when(digit.is_in(["3", "4", "7", "8"])).then(2000)
    ).otherwise(1800)
    return (century + number.str.slice(0, 2).cast(pl.Int16)).cast(pl.Int16)


def household_no(cell: pl.Expr) -> pl.Expr:
    """6-20 digits and capital letters without separators, or null."""
    return cell.map_batches(household_nos, return_dtype=pl.String, is_elementwise=True)


def household_nos(cells: pl.Series) -> pl.Series:
    """As `household_no`."""
    written = r"^[0-9A-Z]{6,20}$"
    return _at(
        cells, ~cells.str.contains(written), lambda odd: _if_matches(_upper(_without_dashes(_text(odd))), written)
    )


def _upper(cells: pl.Series) -> pl.Series:
    return cells.str.to_uppercase()


def phone(cell: pl.Expr) -> pl.Expr:
    """9-11 digits that begin with 0, or null."""
    digits = text(cell).str.replace_all(r"[()\s.]", "").str.replace_all(_DASHES, "").str.replace(r"^\+?820?", "0")
    return pl.when(digits.str.contains(r"^0[0-9]{8,10}$")).then(digits)


def address(cell: pl.Expr) -> pl.Expr:
    """One spelling of a full address, or null when it has no place name or no number.

    What stands in brackets (legal dong, name of the complex) is left out: sources write it or do not.
    """
    return cell.map_batches(addresses, return_dtype=pl.String, is_elementwise=True)


def addresses(cells: pl.Series) -> pl.Series:
    """As `address`."""
    is_usual = (cells.str.contains(_USUAL) & ~cells.str.contains(_JOINED)).fill_null(True)
    at = (~is_usual).arg_true()
    before = cells.str.splitn("(", 2).struct.field("field_0").str.strip_chars_end(" ")
    usual = before.str.replace_all(", ", " ", literal=True)
    return usual.scatter(at, _odd_addresses(cells.gather(at))).alias(cells.name)


def _odd_addresses(cells: pl.Series) -> pl.Series:
    plain = _where(cells, _NOT_UPPER, lambda odd: _to_text(odd).str.to_uppercase())
    plain = _where(_without_last_brackets(plain), _NOT_WORDS, _to_words)
    plain = _where(plain, _SPACED_DASH, lambda odd: odd.str.replace_all(r" ?[-\u2010-\u2015\u2212] ?", "-"))
    plain = _where(plain, rf"^(?:{'|'.join(_REGIONS)}) ", _with_full_region)
    # 101동1203호, 101동 제1203호 -> 101동 1203호
    joined = r"동 ?제?([0-9]{1,5}(?:-[0-9]{1,3})?호)$"
    plain = _where(plain, _JOINED, lambda odd: odd.str.replace(joined, "동 ${1}"))
    is_address = plain.str.contains("[가-힣]") & plain.str.contains("[0-9]")
    return plain.to_frame("cell").select(pl.when(is_address).then("cell")).to_series().alias(cells.name)


def _without_last_brackets(plain: pl.Series) -> pl.Series:
    """As most are written: words, ", ", words, and one pair of brackets at the end. Three times as fast as for all."""
    parts = plain.to_frame("cell").select("cell", pl.col("cell").str.splitn("(", 2).struct.unnest())
    before, inside = pl.col("field_0"), pl.col("field_1")
    is_last = inside.str.ends_with(")") & (inside.str.count_matches(")", literal=True) == 1)
    kept = pl.when(is_last).then(before.str.strip_chars_end(" ")).otherwise("cell")
    return parts.select(kept.str.replace_all(", ", " ", literal=True)).to_series()


def _to_words(cells: pl.Series) -> pl.Series:
    words = cells.str.replace_all(r"\([^)]*\)|[,;()]", " ")
    return words.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars(" ")


def _with_full_region(plain: pl.Series) -> pl.Series:
    """The first word, a short name of a region, in full."""
    return plain.str.extract(r"^(\S+) ", 1).replace(_REGIONS) + " " + plain.str.replace(r"^\S+ ", "")


def has_unit(full: pl.Expr) -> pl.Expr:
    """Of a normalised address: does it name a flat (호)? Without one it may fit several households."""
    return full.str.contains(_UNIT)


def building(full: pl.Expr) -> pl.Expr:
    """A normalised address without its unit."""
    return full.str.replace(_UNIT, "").str.strip_chars()
