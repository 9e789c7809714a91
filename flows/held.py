"""All that is held of one household, told so that a person can read it, and each row so that it can be corrected."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import polars as pl

from flows.desk import Desk
from signals.agencies import AGENCIES
from signals.catalogue import SIGNALS
from signals.outcomes import OUTCOMES
from signals.registers import END_REASONS_KO, HOUSING_KO, REGISTERS
from store import access_log, answers, deliveries, stops, subject_requests
from store.database import Database
from store.held import scores_of
from store.lake import TABLES, Table
from store.purposes import told_ko

# The letter before a row's number.
LETTERS: Final[Mapping[Table, str]] = {"observations": "O", "residents": "R", "addresses": "A", "contacts": "C"}


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of the lake as they stand now, by table; person_keys: the members, the head first, then by age."""

    household_key: int
    person_keys: tuple[int, ...]
    rows: Mapping[Table, pl.DataFrame]

    @property
    def residences(self) -> pl.DataFrame:
        """For the door: a row per member, with the household's newest address."""
        homes = self.rows["addresses"].sort("valid_from")["address_key"].drop_nulls()
        home = homes[-1] if len(homes) else None
        told = [(self.household_key, person, home) for person in self.person_keys]
        return pl.DataFrame(
            told, schema={"household_key": pl.Int64, "person_key": pl.Int64, "address_key": pl.Int64}, orient="row"
        )


def held(desk: Desk, household_key: int, as_of: date) -> Held:
    """As known on the day, corrections told and what they corrected left out. Of an address that several households
    may share only what names this household's own unit."""
    versions, gone = desk.lake.versions(), deliveries.superseded_on(desk.engine, as_of)

    def rows(table: Table, mine: pl.Expr) -> pl.DataFrame:
        told = desk.lake.scan(table, versions[table], gone).filter(mine & (pl.col("received_on") <= as_of))
        return told.collect().sort(TABLES[table].names())

    household = pl.col("household_key") == household_key
    residents, addresses = rows("residents", household), rows("addresses", household)
    people = residents.sort("received_on").unique("person_key", keep="last")
    people = people.sort("is_head", "birth_year", "person_key", descending=[True, False, False], nulls_last=True)
    homes = addresses.filter("has_unit")["address_key"].drop_nulls().unique().to_list()
    keys = {"person": people["person_key"].to_list(), "address": homes, "household": [household_key]}
    of_kind = [(pl.col("key_kind") == kind) & pl.col("key").is_in(told) for kind, told in keys.items()]
    return Held(
        household_key,
        tuple(people["person_key"]),
        {
            "residents": residents,
            "addresses": addresses,
            "observations": rows("observations", pl.any_horizontal(of_kind)),
            "contacts": rows("contacts", household),
        },
    )


def row_id(desk: Desk, table: Table, row: Mapping[str, Any]) -> str:
    """Keyed: it tells nothing of what stands in the row."""
    told = json.dumps([table, *(str(row[name]) for name in TABLES[table])])
    return f"{LETTERS[table]}-{hmac.digest(desk.keys.log, told.encode(), hashlib.sha256).hex()[:10]}"


def find_row(desk: Desk, found: Held, name: str) -> tuple[Table, dict[str, Any]] | None:
    for table, frame in found.rows.items():
        for row in frame.iter_rows(named=True):
            if row_id(desk, table, row) == name:
                return table, row
    return None


def told_of(desk: Desk, found: Held, people: pl.DataFrame, as_of: date) -> dict[str, Any]:
    """people: what the door told, in the order of `found.person_keys`. Plain values, no token."""
    number = {key: place for place, key in enumerate(found.person_keys, start=1)}
    names = [
        {"구성원": place, "이름": row["name"], "연락처": row["phone"]}
        for place, row in enumerate(people.iter_rows(named=True), start=1)
    ]
    return {
        "기준일": str(as_of),
        "주소": people["address"][0] if people.height else None,
        "구성원": names,
        "주민등록번호": "암호화하여 보관하고 있으며, 이 문서에는 적지 않습니다.",
        "거주 기록": [_resident(desk, row, number) for row in found.rows["residents"].iter_rows(named=True)],
        "주소 기록": [_address(desk, row) for row in found.rows["addresses"].iter_rows(named=True)],
        "위기정보": [_observation(desk, row, number) for row in found.rows["observations"].iter_rows(named=True)],
        "발굴·상담 이력": [_contact(desk, row) for row in found.rows["contacts"].iter_rows(named=True)],
        "산출한 위험도": _scores(desk, found.household_key),
        "알림과 설명": _explained(desk, found.household_key),
        "읍면동의 답": list(_answers(desk.engine, found)),
        "처리정지": _stops(desk, found.household_key),
        "요구 이력": _requests(desk, found.household_key),
        "누가 보았는지": _seen(desk, found.household_key),
    }


def _resident(desk: Desk, row: Mapping[str, Any], number: Mapping[int, int]) -> dict[str, Any]:
    return {
        "번호": row_id(desk, "residents", row),
        "구성원": number[row["person_key"]],
        "출생연도": row["birth_year"],
        "세대주": "예" if row["is_head"] else "아니요",
        "편입일": _day(row["valid_from"]),
        "말소일": _day(row["valid_to"]),
        "말소 사유": END_REASONS_KO.get(row["end_reason"] or "", ""),
        "받은 날": _day(row["received_on"]),
    }


def _address(desk: Desk, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "번호": row_id(desk, "addresses", row),
        "주거 유형": HOUSING_KO[row["housing"]] if row["housing"] else "",
        "동·호수": "있음" if row["has_unit"] else "없음",
        "관할 행정동": row["office"],
        "전입일": _day(row["valid_from"]),
        "전출일": _day(row["valid_to"]),
        "받은 날": _day(row["received_on"]),
    }


def _observation(desk: Desk, row: Mapping[str, Any], number: Mapping[int, int]) -> dict[str, Any]:
    signal = SIGNALS[row["signal"]]
    return {
        "번호": row_id(desk, "observations", row),
        "내용": signal.name_ko,
        "대상": {"person": f"구성원 {number.get(row['key'], '')}", "address": "주소", "household": "가구"}[
            row["key_kind"]
        ],
        "제공 기관": AGENCIES[signal.agency].name_ko,
        "법적 근거": signal.legal_basis,
        "일어난 날": _day(row["observed_on"]),
        "개월": row["months"],
        "금액(원)": row["amount_won"],
        "받은 날": _day(row["received_on"]),
    }


def _contact(desk: Desk, row: Mapping[str, Any]) -> dict[str, Any]:
    outcome = OUTCOMES.get(row["outcome"] or "")
    return {
        "번호": row_id(desk, "contacts", row),
        "관리번호": row["alert"],
        "선정일": _day(row["selected_on"]),
        "접촉일": _day(row["contacted_on"]),
        "처리 결과": outcome.label_ko if outcome else "",
        "지원 급여": row["benefit"] or "",
        "제공": REGISTERS["contacts"].name_ko,
        "받은 날": _day(row["received_on"]),
    }


def _scores(desk: Desk, household_key: int) -> list[dict[str, Any]]:
    told = scores_of(desk.lake, household_key)
    return [{"기준일": str(day), "도움이 필요할 가능성": round(chance, 2)} for day, chance in told]


def _explained(desk: Desk, household_key: int) -> list[dict[str, Any]]:
    """The sentences officers read, of every night that is still kept."""
    told: dict[str, dict[str, Any]] = {}
    for file in sorted((desk.work / "explained").glob("*.parquet")):
        for row in pl.read_parquet(file).filter(pl.col("household_key") == household_key).iter_rows(named=True):
            texts = [row[n] for n in row if n.startswith(("reason_", "ease_", "check_")) and isinstance(row[n], str)]
            told[row["alert_id"]] = {"알림": row["alert_id"], "기준일": str(row["as_of"]), "내용": texts}
    return list(told.values())


def _answers(engine: Database, found: Held) -> Iterator[dict[str, Any]]:
    for alert in found.rows["contacts"]["alert"].drop_nulls().unique().sort():
        for one in answers.told_of(engine, alert):
            outcome = OUTCOMES.get(one.outcome or "")
            yield {
                "알림": alert,
                "접촉일": _day(one.contacted_on),
                "결과": outcome.label_ko if outcome else "",
                "받은 날": _day(one.received_on),
            }


def _stops(desk: Desk, household_key: int) -> list[dict[str, Any]]:
    found = stops.of_household(desk.engine, household_key)
    return [{"부터": _day(one.from_on), "까지": _day(one.until_on) or "해제할 때까지"} for one in found]


def _requests(desk: Desk, household_key: int) -> list[dict[str, Any]]:
    kinds = {"copy": "열람", "correct": "정정", "stop": "처리정지"}
    states = {"open": "처리 중", "done": "마침", "refused": "거절"}
    found = subject_requests.listed(desk.engine, household_key=household_key)
    return [{"접수일": _day(one.received_on), "요구": kinds[one.kind], "상태": states[one.state]} for one in found]


def _seen(desk: Desk, household_key: int) -> list[dict[str, Any]]:
    return [
        {
            "때": f"{one.at:%Y-%m-%d %H:%M} (UTC)",
            "목적": told_ko(one.purpose),
            "업무": one.task,
            "읍면동": one.office or "",
        }
        for one in access_log.about(desk.engine, [household_key])
    ]


def _day(day: date | None) -> str:
    return "" if day is None else str(day)


def sections(told: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    """For the page: what is a list of records becomes a table."""
    return [(name, value) for name, value in told.items() if isinstance(value, list)]
