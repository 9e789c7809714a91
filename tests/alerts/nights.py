"""A small town lived through night by night, in memory: what a store and officers would do, and no more."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from alerts.criteria import Criterion
from alerts.life import TOLD, current, stand
from alerts.queue import Filled, fill_queues
from alerts.settings import QueueSettings
from alerts.tables import OPEN_ALERTS
from tests.alerts import drawn

OFFICES = ("1111051500", "2611010100")
START = date(2026, 11, 2)
SETTINGS = QueueSettings(
    capacity=5,
    capacity_by_office={OFFICES[1]: 3},
    explore_share=0.3,
    reports_share=0.2,
    criteria=(Criterion(name_ko="홀로 사는 어르신", offices=frozenset(OFFICES), share=0.3, lives_alone=True),),
)


@dataclass
class House:
    key: int
    office: str
    address_status: str
    relieved: tuple[str, ...]
    probability: float | None
    members: int = 2
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)  # by signal


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
        self, alert_id: str, contacted_on: date, outcome: str | None, channel: str | None, next_on: date | None
    ) -> None:
        self.versions += 1
        row = {
            "alert_id": alert_id,
            "contacted_on": contacted_on,
            "outcome": outcome,
            "channel": channel,
            "next_on": next_on,
        }
        self.answers.append({**row, "received_on": self.today, "version": f"v{self.versions:05}"})

    def told(self) -> pl.DataFrame:
        return pl.DataFrame([{**dict.fromkeys(TOLD), **row} for row in self.answers], schema=TOLD, orient="row")

    def stands(self) -> dict[str, dict[str, Any]]:
        return {row["alert_id"]: row for row in stand(self.told()).iter_rows(named=True)}

    def open_alerts(self) -> dict[str, dict[str, Any]]:
        """As the store hands them over: open ones, with what their answers say."""
        stands = self.stands()
        nothing = {"state": "waiting", "outcome": None, "attempts": 0, "next_on": None, "answered_on": None}
        known = {id_: row | {**nothing, "was_visited": False} | stands.get(id_, {}) for id_, row in self.alerts.items()}
        return {id_: row for id_, row in known.items() if row["state"] != "closed" and id_ not in self.let_go}

    def talks(self) -> dict[str, dict[str, Any]]:
        return {row["alert_id"]: row for row in current(self.told()).iter_rows(named=True)}

    def history(self, key: int) -> list[dict[str, Any]]:
        """Contacts of the household, as last told: one an alert that was answered."""
        talks = self.talks()
        return [
            {"household_key": key, "alert": id_, "office": row["office"], "lane": row["lane"], "delivery": "d",
             "selected_on": row["opened_on"], **{n: talks[id_][n] for n in ("contacted_on", "outcome", "received_on")}}
            for id_, row in self.alerts.items() if row["household_key"] == key and id_ in talks
        ]  # fmt: skip

    def facts(self) -> pl.DataFrame:
        return drawn.facts(*(self._facts(house) for house in self.houses.values()))

    def _facts(self, house: House) -> dict[str, Any]:
        last = max(self.history(house.key), key=lambda row: row["contacted_on"], default={"outcome": None})
        return {
            "household_key": house.key, "office": house.office, "address_status": house.address_status,
            "relieved": list(house.relieved), "members": house.members, "lives_alone": house.members == 1,
            "last_outcome": last["outcome"],
        }  # fmt: skip

    def night(self, seed: int) -> tuple[Filled, dict[str, dict[str, Any]]]:
        """(the queue, the alerts that were open before), and both are remembered."""
        before = self.open_alerts()
        filled = fill_queues(
            drawn.scores({house.key: house.probability for house in self.houses.values()}),
            self.facts(),
            drawn.evidence(*(row for house in self.houses.values() for row in house.evidence.values())),
            pl.DataFrame(list(before.values()), schema=OPEN_ALERTS, orient="row"),
            drawn.contacts(*(row for key in self.houses for row in self.history(key))),
            SETTINGS,
            self.today,
            np.random.default_rng(seed),
            bands_then=pl.DataFrame(
                [(id_, row["true_band"]) for id_, row in self.alerts.items()],
                schema={"alert_id": pl.String, "band": pl.String}, orient="row",
            ),
            stopped=pl.Series(sorted(self.stopped), dtype=pl.Int64),
        )  # fmt: skip
        for row in filled.alerts.iter_rows(named=True):
            if row["is_new"]:
                self.let_go |= {i for i, old in self.alerts.items() if old["household_key"] == row["household_key"]}
            self.alerts[row["alert_id"]] = row
        return filled, before

    def forward(self, days: int) -> None:
        self.today += timedelta(days=days)
