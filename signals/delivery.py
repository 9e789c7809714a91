"""One file from one source: what its name says, and why a whole file can be refused."""

import re
from dataclasses import dataclass
from datetime import date

from signals.agencies import AGENCIES
from signals.registers import REGISTERS

_NAME = re.compile(r"([a-z][a-z0-9-]*)_(2[0-9]{5})_(2[0-9]{7})(?:_r([1-9][0-9]{0,3}))?\.csv")
_CURE = "파일 이름을 '기관코드_기준년월_보낸날.csv'로 고쳐 주십시오(예: nhis_202608_20261015.csv, 정정본은 _r1을 붙임)."


@dataclass(frozen=True, slots=True)
class DeliveryName:
    source: str  # key of AGENCIES or REGISTERS
    base_month: date  # first day of the month told of
    sent_on: date
    revision: int  # 0, then 1, 2, ... for corrections: the highest one stands for all

    @property
    def filename(self) -> str:
        tail = f"_r{self.revision}" if self.revision else ""
        return f"{self.source}_{self.base_month:%Y%m}_{self.sent_on:%Y%m%d}{tail}.csv"


class DeliveryRefused(Exception):  # noqa: N818 - the word of the domain: a delivery is refused
    """No row of the file can be taken in. Carries no cell of the file: those may name people."""

    def __init__(self, code: str, file: str, what_ko: str, cure_ko: str) -> None:
        super().__init__(f"{file} · {code}: {what_ko} -> {cure_ko}")
        self.code = code
        self.file = file
        self.what_ko = what_ko
        self.cure_ko = cure_ko


def read_name(filename: str) -> DeliveryName:
    """{source}_{YYYYMM told of}_{YYYYMMDD sent}[_rN].csv"""
    parts = _NAME.fullmatch(filename)
    if parts is None:
        raise DeliveryRefused("name_unreadable", filename, "파일 이름을 읽을 수 없습니다.", _CURE)
    source, month, sent, revision = parts.groups()
    if source not in AGENCIES and source not in REGISTERS:
        what = f"'{source}'은(는) 등록되지 않은 기관코드입니다."
        raise DeliveryRefused("unknown_source", filename, what, "등록된 기관코드로 파일 이름을 고쳐 주십시오.")
    base_month, sent_on = _day(filename, month + "01"), _day(filename, sent)
    if sent_on < base_month:
        raise DeliveryRefused("sent_before_month", filename, "보낸 날이 기준년월보다 앞섭니다.", _CURE)
    return DeliveryName(source, base_month, sent_on, int(revision or 0))


def _day(filename: str, digits: str) -> date:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise DeliveryRefused(
            "name_unreadable", filename, f"파일 이름의 날짜 '{digits}'이(가) 없는 날입니다.", _CURE
        ) from None
