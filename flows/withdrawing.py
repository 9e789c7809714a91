"""An agency takes a delivery back: from that night on no run knows its rows. Earlier nights, worked again, still do."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl

from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.markers import WITHDRAWN
from flows.summary import Taken
from signals.delivery import DeliveryRefused
from signals.reply import write_refusal
from store import answers, deliveries
from store.files import write_whole
from store.tables import Delivery


def take_back(desk: Desk, file: str, because: str, by: str, known_from: date) -> Taken:
    """`file`: its name as it came. Raises OperatorError: nothing of that name is in use."""
    try:
        told = _in_use(desk, file)
    except DeliveryRefused as refused:
        raise OperatorError("withdrawal", refused.what_ko, refused.cure_ko) from None
    words = json.dumps({"withdrawn": file, "because": because, "by": by}, ensure_ascii=False, sort_keys=True)
    return _record(desk, told, words.encode(), known_from)


def taken_back(desk: Desk, as_of: date, known_from: date) -> Iterator[Taken]:
    """Every `FILE.withdrawn` in the inbox, once the files of the night are kept."""
    for path in sorted(desk.inbox.glob(f"*{WITHDRAWN}")):
        file = path.name.removesuffix(WITHDRAWN)
        if known_from > as_of:
            yield Taken(path.name, "", "future", message=f"known from {known_from}, not on {as_of}")
        elif (desk.inbox / file).exists():
            yield Taken(path.name, "", "waiting", message=f"{file} is not taken in yet", cure="it is, with its file")
        else:
            yield _marked(desk, path, file, known_from)


def _marked(desk: Desk, path: Path, file: str, known_from: date) -> Taken:
    raw = f"{path.name}\n".encode() + path.read_bytes()
    try:
        taken = _record(desk, _in_use(desk, file), raw, known_from)
    except DeliveryRefused as refused:
        record = Delivery(
            id=desk.archive.keep(raw), received_on=known_from, file_name=path.name, state="refused",
            reason=refused.code, recorded_at=now(),
        )  # fmt: skip
        deliveries.record(desk.engine, record)
        write_whole(desk.replies / f"{path.name}.reply.csv", write_refusal(refused))
        taken = Taken(path.name, "", "refused", message=refused.what_ko, cure=refused.cure_ko)
    path.unlink()
    return taken


def _in_use(desk: Desk, file: str) -> Delivery:
    told = deliveries.find_file(desk.engine, file)
    if told is None or told.superseded_by is not None:
        what = f"{file}: 받아들인 적이 없거나, 이미 거두어들였거나 정정본으로 바뀐 파일입니다."
        raise DeliveryRefused("nothing_to_withdraw", file, what, "거두어들일 파일의 이름을 확인해 주십시오.")
    return told


def _record(desk: Desk, told: Delivery, words: bytes, known_from: date) -> Taken:
    """As a correction of the same revision without a row: whatever follows from a correction follows from it."""
    warning = f"보낸 기관이 {told.file_name}을(를) 거두어들였습니다. {told.accepted:,}건은 이제 쓰이지 않습니다."
    record = Delivery(
        id=desk.archive.keep(words), source=told.source, base_month=told.base_month, sent_on=told.sent_on,
        received_on=max(known_from, told.received_on), revision=told.revision, file_name=told.file_name + WITHDRAWN,
        state="taken", reason=deliveries.WITHDRAWN, warnings=[warning], recorded_at=now(),
    )  # fmt: skip
    if told.source == "contacts":
        answers.record(desk.engine, record, pl.DataFrame(schema=answers.BROUGHT), (), now=now())
    else:
        deliveries.record(desk.engine, record)
    return Taken(record.file_name, record.source, "taken", warnings=(warning,))
