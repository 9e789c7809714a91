"""A small town lived through night by night, in memory: what a store and officers would do, and no more."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from alerts.criteria import Criterion
from alerts.life import TOLD
from alerts.queue import Filled, fill_queues
from alerts.settings import QueueSettings
from alerts.tables import OPEN_ALERTS
from tests.alerts import drawn

OFFICES = ("1111051500", "2611010100", "4113510300")
START = date(2026, 11, 2)
ALONE = "홀로 사는 어르신"
# Short rests and small offices: within weeks everything comes to its end, and every place is fought for.
SETTINGS = QueueSettings(
    capacity=2,
    capacity_by_office={OFFICES[0]: 5, OFFICES[1]: 4},
    explore_share=0.3,
    reports_share=0.2,
    cool_down_days=20,
    need_rest_days=27,
    urgent_for_days=12,
    escalate_after_days=5,
    repeat_from=2,
    criteria=(Criterion(name_ko=ALONE, offices=frozenset(OFFICES[:2]), share=0.3, lives_alone=True),),
)
_STANDS = ("outcome", "attempts", "next_on", "answered_on", "was_visited")


@dataclass
class House:
    key: int
    office: str | None
    address_status: str | None
    relieved: tuple[str, ...]
    probability: float | None
    members: int
    past: tuple[tuple[str | None, int], ...] = ()  # rounds before ours: outcome, days before START
    evidence: dict[str, tuple[int | None, date]] = field(default_factory=dict)  # signal -> months, received_on
    is_registered: bool = True


@dataclass
class Town:
    houses: dict[int, House]
    today: date = START
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)  # as last told, open or closed
    answers: list[dict[str, Any]] = field(default_factory=list)
    let_go: set[str] = field(default_factory=set)  # closed alerts whose household has been given another one
    stopped: set[int] = field(default_factory=set)
    versions: int = 0

    def answer(
        self, alert_id: str, contacted_on: date, outcome: str | None, channel: str | None, next_on: date | None = None
    ) -> None:
        self.versions += 1
        told = {"alert_id": alert_id, "contacted_on": contacted_on, "outcome": outcome, "channel": channel}
        self.answers.append({**told, "next_on": next_on, "received_on": self.today, "version": f"v{self.versions:05}"})

    def answers_of(self, alert_id: str) -> list[dict[str, Any]]:
        return [row for row in self.answers if row["alert_id"] == alert_id]

    def told(self) -> pl.DataFrame:
        nothing = dict.fromkeys(TOLD)
        return pl.DataFrame([{**nothing, **row} for row in reversed(self.answers)], schema=TOLD, orient="row")

    def open_alerts(self, stands: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """As the store hands them over: open ones, with what their answers say, `stands` by alert."""
        nothing = {"outcome": None, "attempts": 0, "next_on": None, "answered_on": None, "was_visited": False}
        return {
            id_: row | ({name: stands[id_][name] for name in _STANDS} if id_ in stands else nothing)
            for id_, row in self.alerts.items()
            if id_ not in self.let_go and (id_ not in stands or stands[id_]["state"] != "closed")
        }

    def contacts(self) -> Iterator[dict[str, Any]]:
        """Every telling of every answer, and selections that nobody has worked. Within a day the last version."""
        for house in self.houses.values():
            for n, (outcome, days) in enumerate(house.past):
                day = START - timedelta(days=days)
                told = {"alert": f"C-{n}", "selected_on": day, "contacted_on": day if outcome else None}
                yield {"household_key": house.key, **told, "outcome": outcome, "received_on": day}
        for id_, row in self.alerts.items():
            about = {"household_key": row["household_key"], "alert": id_, "selected_on": row["opened_on"]}
            yield {**about, "contacted_on": None, "outcome": None, "received_on": row["opened_on"]}
            by_day = {
                (answer["contacted_on"], answer["received_on"], answer["outcome"] is None): answer
                for answer in sorted(self.answers_of(id_), key=lambda answer: str(answer["version"]))
            }
            for answer in by_day.values():
                yield {**about, **{name: answer[name] for name in ("contacted_on", "outcome", "received_on")}}

    def facts(self, last_outcomes: dict[int, str | None]) -> pl.DataFrame:
        return drawn.facts(
            *(
                {"household_key": h.key, "office": h.office, "address_status": h.address_status, "members": h.members,
                 "relieved": list(h.relieved), "lives_alone": h.members == 1, "last_outcome": last_outcomes[h.key]}
                for h in self.houses.values() if h.is_registered
            )
        )  # fmt: skip

    def evidence(self) -> pl.DataFrame:
        return drawn.evidence(
            *(
                {"household_key": house.key, "signal": name, "months": months, "received_on": received_on}
                for house in self.houses.values()
                for name, (months, received_on) in house.evidence.items()
            )
        )

    def night(self, opened: dict[str, dict[str, Any]], last_outcomes: dict[int, str | None], seed: int) -> Filled:
        bands = [(id_, row["true_band"]) for id_, row in self.alerts.items()]
        return fill_queues(
            drawn.scores({house.key: house.probability for house in self.houses.values() if house.is_registered}),
            self.facts(last_outcomes),
            self.evidence(),
            pl.DataFrame(list(opened.values()), schema=OPEN_ALERTS, orient="row"),
            drawn.contacts(*self.contacts()),
            SETTINGS,
            self.today,
            np.random.default_rng(seed),
            bands_then=pl.DataFrame(bands, schema={"alert_id": pl.String, "band": pl.String}, orient="row"),
            stopped=pl.Series(sorted(self.stopped), dtype=pl.Int64),
        )

    def remember(self, alerts: list[dict[str, Any]]) -> None:
        for row in alerts:
            if row["is_new"]:
                self.let_go |= {i for i, old in self.alerts.items() if old["household_key"] == row["household_key"]}
            self.alerts[row["alert_id"]] = row

    def forward(self, days: int) -> None:
        self.today += timedelta(days=days)
