"""benefits.yaml, typed: dated amounts with the law and the source they rest on."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Won = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1, le=10)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Edition(_Part):
    valid_from: date
    valid_to: date
    source: str
    confidence: Literal["second_hand", "weak"]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} lies before valid_from {self.valid_from}")
        return self


E = TypeVar("E", bound=_Edition)


class MedianIncome(_Edition):
    by_size: dict[Size, Won]

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if sorted(self.by_size) != list(range(1, 8)):
            raise ValueError("by_size needs the sizes 1 to 7")
        return self

    def of(self, members: int) -> int:
        """Won a month; from 8 persons on, each adds what the seventh added."""
        step = self.by_size[7] - self.by_size[6]
        return self.by_size[min(members, 7)] + max(members - 7, 0) * step


class Edition(_Edition):
    income_percent: Annotated[int, Field(gt=0, le=200)] | None = None  # of the median income
    by_size: dict[Size, Won] = {}
    each_more: Won = 0  # per person beyond the largest size
    figures: dict[str, Won] = {}
    apply_from: date | None = None
    apply_to: date | None = None

    @property
    def tells_amounts(self) -> bool:
        return self.confidence != "weak" and bool(self.figures or self.by_size or self.income_percent)

    def of(self, members: int) -> int:
        largest = max(self.by_size)
        return self.by_size[min(members, largest)] + max(members - largest, 0) * self.each_more


class Programme(_Part):
    name_ko: str
    law_ko: str
    unknown_ko: str  # what only the officer can find out
    editions: Annotated[tuple[Edition, ...], Field(min_length=1)]

    def edition(self, on: date) -> Edition:
        return _newest(self.editions, on)

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        _refuse_overlap(self.editions)
        return self


class BenefitTable(_Part):
    median_income: Annotated[tuple[MedianIncome, ...], Field(min_length=1)]
    programmes: dict[str, Programme]

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        _refuse_overlap(self.median_income)
        return self

    def median(self, on: date) -> MedianIncome:
        return _newest(self.median_income, on)

    def income_limit(self, percent: int, members: int, on: date) -> int:
        """Won a month, rounded half-up as the notices do."""
        return (self.median(on).of(members) * percent * 2 + 100) // 200


def load_benefits(text: str) -> BenefitTable:
    """`text` of benefits.yaml -> table; pydantic.ValidationError names the key that is wrong."""
    return BenefitTable.model_validate(yaml.safe_load(text))


def _newest(editions: tuple[E, ...], on: date) -> E:
    """The edition in force, else the last one before, else the first: its year is then told with the amount."""
    begun = [e for e in editions if e.valid_from <= on]
    return max(begun, key=lambda e: e.valid_from) if begun else min(editions, key=lambda e: e.valid_from)


def _refuse_overlap(editions: tuple[_Edition, ...]) -> None:
    ordered = sorted(editions, key=lambda e: e.valid_from)
    for earlier, later in pairwise(ordered):
        if later.valid_from <= earlier.valid_to:
            raise ValueError(f"editions from {earlier.valid_from} and {later.valid_from} overlap")
