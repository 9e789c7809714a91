"""A research file (개인정보 보호법 제28조의2): no token, nobody told apart. Logged, with a datasheet beside."""

import hashlib
import json
import secrets
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from features.anonymous import ANY, DIGITS, QUASI, Anonymous, TooFewAlike, anonymise
from flows.desk import Desk
from flows.door import Asker, note_access
from flows.errors import OperatorError
from flows.matrix import households_on
from flows.offices import read_offices
from flows.retrain import build_matrix
from flows.stops import stopped_on
from store.files import write_whole

_NAMES_KO: Final = {
    "region": "지역", "head_age": "세대주 연령대", "size": "가구원 수", "housing": "주거 유형", "family": "가구 구성",
}  # fmt: skip


def write_research(
    desk: Desk, as_of: date, out: Path, k: int, asker: Asker, *, labelled: bool = False
) -> tuple[Anonymous, Path]:
    """A Parquet file and its datasheet (.md, .json) beside. Nothing is written over, and nothing at all where too many
    would have to be left out."""
    if out.exists() or not out.parent.is_dir():
        raise OperatorError("research", f"{out} exists, or its folder does not", "name a new file in a folder")
    rows = _rows(desk, as_of, labelled)
    try:
        told = anonymise(rows, k, desk.settings.research.most_suppressed)
    except TooFewAlike as refused:
        most = f"{desk.settings.research.most_suppressed:.0%}"
        what = f"for {k} households alike each time, {refused.share:.1%} of {rows.height:,} would have to be left out"
        raise OperatorError("research", what, f"at most {most} may be (research.most_suppressed): tell less") from None
    note_access(desk, "research", asker, told.frame["household_key"].to_list(), f"{asker.reason}; to {out.name[:100]}")
    frame = _without_way_back(told.frame)
    buffer = BytesIO()
    frame.write_parquet(buffer)
    facts = _facts(told, frame, as_of, k, asker, buffer.getvalue(), labelled)
    sheet = out.with_name(f"{out.name}.md")
    write_whole(out.with_name(f"{out.name}.json"), json.dumps(facts, ensure_ascii=False, indent=1).encode() + b"\n")
    write_whole(sheet, _datasheet(facts, told).encode())
    write_whole(out, buffer.getvalue())
    return told, sheet


def _rows(desk: Desk, as_of: date, labelled: bool) -> pl.DataFrame:
    """One row per household: of several rounds the newest, for rows of one household would tell each other apart."""
    today = households_on(desk, as_of)
    offices = read_offices(desk.settings.offices).select("office", "region_ko")
    regions = today.select("household_key", "office").join(offices, on="office", how="left").drop("office")
    rows = today.drop("office")
    if labelled:
        rounds = build_matrix(desk, as_of).sort("selected_on")
        rows = rounds.unique("household_key", keep="last").select(*rows.columns, "label")
    joined = rows.join(regions, on="household_key", how="left").sort("household_key")
    return joined.filter(~pl.col("household_key").is_in(stopped_on(desk, as_of).implode()))


def _without_way_back(frame: pl.DataFrame) -> pl.DataFrame:
    """Numbers from a key that is drawn here, held in memory alone and wiped: the same household has another number in
    every file, and nobody can work out which. The order of rows is theirs."""
    key = bytearray(secrets.token_bytes(32))
    names = [
        hashlib.blake2b(number.to_bytes(8, "big", signed=True), key=bytes(key), digest_size=16).hexdigest()
        for number in frame["household_key"]
    ]
    key[:] = bytes(len(key))
    return frame.drop("household_key").insert_column(0, pl.Series("id", names, dtype=pl.String)).sort("id")


def _facts(
    told: Anonymous, frame: pl.DataFrame, as_of: date, k: int, asker: Asker, raw: bytes, labelled: bool
) -> dict[str, object]:
    return {
        "as_of": str(as_of),
        "purpose": str(asker.purpose),
        "reason": asker.reason,
        "k": k,
        "households": frame.height,
        "suppressed": told.suppressed,
        "suppressed_all_in_need": told.all_in_need,
        "groups": told.groups,
        "smallest_group": told.smallest,
        "levels": {name: "not told" if at == len(QUASI[name]) else at for name, at in told.levels.items()},
        "columns": frame.columns,
        "labelled": labelled,
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def _datasheet(facts: dict[str, object], told: Anonymous) -> str:
    levels = "\n".join(f"| {_NAMES_KO[name]} (`{name}`) | {_level(name, at)} |" for name, at in told.levels.items())
    kind = "조사한 가구와 그 결과(`label`: 1은 도움이 필요했음)" if facts["labelled"] else "그날 알려진 모든 가구"
    return f"""# 연구용 가명정보 자료 설명서

기준일 {facts["as_of"]}. {kind}, 가구마다 한 줄. 쓰는 목적: {facts["reason"]}.

| 항목 | 값 |
|---|---|
| 가구 수 | {facts["households"]:,} |
| 뺀 가구 수 | {facts["suppressed"]:,} |
| 그중 같은 묶음 모두가 도움이 필요했던 가구 | {facts["suppressed_all_in_need"]:,} |
| 같은 특성을 가진 가구의 최소 수(k) | {facts["k"]} (실제 가장 작은 묶음 {facts["smallest_group"]:,}) |
| 묶음 수 | {facts["groups"]:,} |
| 파일의 SHA-256 | `{facts["sha256"]}` |

## 알아볼 수 있는 특성을 얼마나 거칠게 적었는가

| 특성 | 적은 방식 |
|---|---|
{levels}

그 밖의 수치는 유효숫자 {DIGITS}자리로 반올림했습니다. 이름, 주소, 연락처, 식별번호, 토큰, 읍면동, 날짜는 없습니다.
`id`는 이 파일에서만 쓰는 무작위 번호입니다. 번호를 만든 열쇠는 저장하지 않고 지웠으므로,
이 번호로는 원래 가구를 찾거나 다른 파일과 이을 수 없습니다. 같은 기준일의 원자료를 가진 사람은 수치를 견주어
맞춰 볼 수 있습니다. 원자료와 함께 두지 않습니다.

## 지켜야 할 것

- 「개인정보 보호법」 제28조의2에 따른 통계작성, 과학적 연구, 공익적 기록보존에만 씁니다.
- 누구인지 알아내려 하면 안 됩니다(제28조의5). 알게 되면 곧바로 멈추고 회수·파기합니다.
- 가구를 더 찾아내거나 급여를 판단하는 데 쓰지 않습니다.
- 익명정보가 아니라 가명정보입니다. 체납액을 정확히 아는 사람은 드문 가구를 짐작할 수 있으므로 공개하지 않습니다.
- 연구가 끝나면 파기하고 그 사실을 알립니다.
"""


def _level(name: str, at: int) -> str:
    if at == len(QUASI[name]):
        return f"적지 않음({ANY})"
    return ("가장 자세히", "묶어서")[min(at, 1)]
