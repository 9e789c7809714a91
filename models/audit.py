"""What no register of ours holds and no model may learn from, but whose reach must be measured: sex, disability,
nationality. Handed in beside a training as a table, compared, and forgotten: it is kept nowhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from models.errors import Refused

HOUSEHOLD_NO: Final = ("세대번호", "household_no")
HOUSEHOLD_KEY: Final = "household_key"
_YES: Final = ("예", "유", "있음", "해당", "Y", "1", "YES", "TRUE")
_NO: Final = ("아니요", "아니오", "무", "없음", "비해당", "N", "0", "NO", "FALSE")


class AuditRefused(Refused):
    """A table that would be read wrongly is not read."""


@dataclass(frozen=True)
class AuditField:
    name: str
    name_ko: str  # in the report
    header_ko: str  # in the file; `name` will do too
    words: Mapping[str, tuple[str, ...]]  # value -> how it may be written

    @property
    def column(self) -> str:
        return f"audit__{self.name}"


_FEMALE: Final = ("여", "여성", "여자", "F", "FEMALE")
_MALE: Final = ("남", "남성", "남자", "M", "MALE")
_KOREAN: Final = ("내국인", "한국", "대한민국", "KOREAN", "KR")
_FOREIGN: Final = ("외국인", "외국", "FOREIGN")

AUDIT: Final = (
    AuditField("sex", "세대주 성별", "성별", {"female": _FEMALE, "male": _MALE}),
    AuditField("disability", "장애인 있는 가구", "장애", {"yes": _YES, "no": _NO}),
    AuditField("nationality", "세대주 국적", "국적", {"korean": _KOREAN, "foreign": _FOREIGN}),
)


def read_audit(table: pl.DataFrame) -> pl.DataFrame:
    """Text as it was handed in -> the key's column as it stands, and one String column per field that is there, null
    where a cell is empty. AuditRefused at any column, word or household that would have to be guessed."""
    key = _key_of(table.columns)
    heads = {head: field for field in AUDIT for head in (field.header_ko, field.name) if head in table.columns}
    if unknown := [name for name in table.columns if name != key and name not in heads]:
        known = ", ".join(f"{field.header_ko} ({field.name})" for field in AUDIT)
        raise AuditRefused(f"nobody knows the columns {', '.join(unknown)}", f"leave only the key and some of: {known}")
    if len({field.name for field in heads.values()}) < max(len(heads), 1):
        raise AuditRefused("no column to audit by, or the same one twice", "give each of 성별, 장애, 국적 at most once")
    if table[key].null_count() or table[key].is_duplicated().any():
        raise AuditRefused(f"{key} is empty or stands twice in some row", "one row per household")
    return table.select(key, *(_coded(table[head], field) for head, field in heads.items()))


def _key_of(columns: list[str]) -> str:
    found = [name for name in (*HOUSEHOLD_NO, HOUSEHOLD_KEY) if name in columns]
    if len(found) != 1:
        raise AuditRefused(
            "the table does not say whose each row is", "one column: 세대번호, or household_key (a token)"
        )
    return found[0]


def _coded(cells: pl.Series, field: AuditField) -> pl.Series:
    codes = {word: value for value, words in field.words.items() for word in words}
    plain = cells.cast(pl.String).str.strip_chars().str.to_uppercase().replace({"": None})
    if unknown := (~plain.is_in(list(codes)) & plain.is_not_null()).arg_true().to_list():
        words = ", ".join(words[0] for words in field.words.values())
        raise AuditRefused(
            f"row {unknown[0] + 1}: a word of {field.header_ko} nobody knows", f"use {words}, or nothing"
        )
    return plain.replace_strict(codes, default=None, return_dtype=pl.String).alias(field.column)
