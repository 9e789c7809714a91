"""Which file is sent on which day, and which of them goes wrong. Decided before anybody lives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from signals.layout import Agency
from synthetic.calendar import day_number, first_day, last_day, month_of, to_date
from synthetic.settings import CountrySettings, generator

# late:         sent weeks after the agency's lag
# twice:        the same bytes again under another date
# corrected:    some rows wrong; correction: the good file, as a revision
# broken:       nobody can read it; redelivered: the good file, as a revision
# extra_column: one more column than agreed, nobody was told
SAFE_DAYS = 75  # the last weeks stay whole: a broken last file would stop the night, which tests do on purpose


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    sent: int  # day number
    source: str
    base: int  # month told of
    revision: int = 0
    flaw: str = ""

    @property
    def file(self) -> str:
        revision = f"_r{self.revision}" if self.revision else ""
        return f"{self.source}_{first_day(self.base):%Y%m}_{to_date(self.sent):%Y%m%d}{revision}.csv"


def told_months(every: int, first: int, last: int) -> list[int]:
    """The months told of by who sends every so many months: at the end of each such part of the year."""
    return [month for month in range(first, last + 1) if (month + 1) % every == 0]


def plan(agencies: Iterable[Agency], first: int, settings: CountrySettings) -> list[Delivery]:
    """Observation files sent until the end, sorted by day sent. `first`: first month told of."""
    rng = generator(settings.seed, "deliveries")
    last, end = month_of(settings.end), day_number(settings.end)
    planned = [
        Delivery(
            day_number(last_day(base)) + int(rng.integers(agency.lag_days[0], agency.lag_days[1] + 1)),
            agency.code,
            base,
        )
        for agency in sorted(agencies, key=lambda agency: agency.code)
        for base in told_months(agency.every_months, first, last)
    ]
    required = {agency.code for agency in agencies if agency.is_required}
    sent = _go_wrong([d for d in planned if d.sent <= end], end, required, settings, rng)
    return sorted(d for d in sent if d.sent <= end)


def _go_wrong(
    planned: list[Delivery], end: int, required: set[str], settings: CountrySettings, rng: np.random.Generator
) -> list[Delivery]:
    safe = [d for d in planned if d.sent <= end - SAFE_DAYS]
    order = rng.permutation(len(safe))
    rates, position = settings.flaws, 0
    fate: dict[Delivery, str] = {}
    for flaw in ("late", "twice", "corrected", "broken", "extra_column"):
        count = round(getattr(rates, flaw) * len(planned))
        fate |= {safe[i]: flaw for i in order[position : position + count]}
        position += count
    broken = sorted(d for d, flaw in fate.items() if flaw == "broken")
    never_again = next((d for d in broken if d.source not in required), None)
    result: list[Delivery] = []
    for delivery in planned:
        flaw = fate.get(delivery, "")
        result += _as_sent(delivery, flaw, is_final=delivery == never_again, rng=rng)
    return result


def _as_sent(delivery: Delivery, flaw: str, *, is_final: bool, rng: np.random.Generator) -> list[Delivery]:
    """What arrives in place of one good file."""
    later = delivery.sent + int(rng.integers(5, 15))
    match flaw:
        case "":
            return [delivery]
        case "late":
            return [replace(delivery, sent=delivery.sent + int(rng.integers(15, 40)), flaw=flaw)]
        case "twice":
            return [delivery, replace(delivery, sent=later, flaw=flaw)]
        case "corrected":
            return [replace(delivery, flaw=flaw), replace(delivery, sent=later, revision=1, flaw="correction")]
        case "broken":
            first = replace(delivery, flaw=flaw)
            return [first] if is_final else [first, replace(delivery, sent=later, revision=1, flaw="redelivered")]
        case _:
            return [replace(delivery, flaw=flaw)]


def known_months(planned: Iterable[Delivery], day: int) -> Mapping[str, list[int]]:
    """For each source the months it had told of by this day, in files that could be read; oldest first."""
    known: dict[str, set[int]] = {}
    for delivery in planned:
        if delivery.sent <= day and delivery.flaw != "broken":
            known.setdefault(delivery.source, set()).add(delivery.base)
    return {source: sorted(months) for source, months in known.items()}


def register_days(first: int, end: date) -> list[tuple[int, int]]:
    """(month, day sent): registers are sent on the last day of the month they tell of."""
    days = [(month, day_number(last_day(month))) for month in range(first, month_of(end) + 1)]
    return [(month, day) for month, day in days if day <= day_number(end)]
