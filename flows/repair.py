"""What a killed run has left is finished or taken away before the next one begins. Each thing done is told."""

from pathlib import Path
from typing import Final

from flows.desk import Desk, now, today
from flows.publishing import finish
from store import deliveries, ledger
from store.files import mend_folder, remove_unfinished
from store.lake import TABLES
from store.shuffle import Shuffle
from store.tables import Delivery, Run

# Folders where unfinished files are somebody else's: what senders copy in, and what libraries keep.
NOT_OURS: Final = {"inbox", "lake", "prefect", "scratch"}


def repair(desk: Desk) -> tuple[str, ...]:
    """Only when the run before was killed or ended by an error: a good end leaves nothing. Under the lock, so that
    nobody else is at work. May itself be killed and begun again."""
    told = [line for run, digest in ledger.left_open(desk.engine) if (line := _close(desk, run, digest))]
    if mended := sum(mend_folder(folder) for folder in _published(desk.outbox)):
        told.append(f"{mended} half-written or half-exchanged folders of the outbox were put right")
    ours = (place for place in desk.work.iterdir() if place.is_dir() and place.name not in NOT_OURS)
    if removed := sum(map(remove_unfinished, ours)):
        told.append(f"{removed} files that were never finished were removed")
    if unknown := _set_aside_unrecorded(desk):
        told.append(f"{unknown} deliveries in the lake were not recorded: they count from when they are taken in again")
    scratch = Shuffle(f"{desk.scratch}/night")
    if not scratch.has("ground", 0) and scratch.clear():
        told.append("intermediate files of a night that did not end were removed")
    return tuple(told)


def _close(desk: Desk, run: Run, digest: str) -> str:
    """Its alerts are committed together with the digest of its files: with one, the night is published."""
    if not digest:
        ledger.finish(desk.engine, run.id, "failed", now=now(), message="killed")
        return f"{run.id} was killed before it published anything"
    if finish(desk, run.as_of, digest):
        outputs = {ledger.PUBLISH: digest}
        ledger.finish(desk.engine, run.id, "done", now=now(), seconds={ledger.PUBLISH: 0.0}, outputs=outputs)
        return f"{run.id} was ended while it published: its queues of {run.as_of} are shown now"
    ledger.stage(desk.engine, run.id, ledger.PUBLISH, seconds=0.0, now=now(), output=digest, state="lost")
    ledger.finish(desk.engine, run.id, "failed", now=now(), message="killed; its files were gone")
    return f"{run.id} recorded its alerts and its files are gone: the next night's sheets carry them"


def _published(outbox: Path) -> set[Path]:
    """Of every folder that something was left around."""
    left = (place for place in outbox.glob(".*") if place.suffix in (".part", ".before") and place.is_dir())
    return {outbox / place.stem.removeprefix(".") for place in left}


def _set_aside_unrecorded(desk: Desk) -> int:
    """Rows went into the lake and the record was never made. If the file still lies in the inbox, tonight makes it;
    if not, what nobody recorded must not count."""
    taken = deliveries.taken_ids(desk.engine)
    unknown = {one for table in TABLES for one in desk.lake.deliveries(table)} - taken
    for digest in sorted(unknown):
        left = Delivery(
            id=digest, received_on=today(), file_name="", state="refused", reason=deliveries.INTERRUPTED,
            recorded_at=now(),
        )  # fmt: skip
        deliveries.record(desk.engine, left)
    return len(unknown)
