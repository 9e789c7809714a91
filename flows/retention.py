"""What is too old is destroyed, class by class, each with a signed proof: once a month is enough."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from flows.desk import Desk, Glance, now
from flows.errors import OperatorError
from flows.keeping import KEPT, Kept, kept_from
from flows.report import table_of
from store import destruction
from store.destruction import Gone, Rule
from store.files import write_whole

# features.feeds.HORIZON_MONTHS; a test holds it to that.
LOOKS_BACK_MONTHS: Final = 24


@dataclass(frozen=True, slots=True)
class Retired:
    """One class: what went, or would go. proof: ""; nothing was destroyed."""

    kept: Kept
    kept_from: date
    gone: tuple[Gone, ...]
    proof: str = ""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Files, rows, bytes."""
        files = sum(not one.rows for one in self.gone)
        return files, sum(one.rows for one in self.gone), sum(one.bytes for one in self.gone)


def retain(desk: Desk, as_of: date, *, dry_run: bool = False, account: str = "") -> tuple[Retired, ...]:
    """Nothing early, nothing late: of every class what is older than its period, and nothing else."""
    return tuple(_retire(desk, one, as_of, dry_run, account) for one in KEPT)


def _retire(desk: Desk, one: Kept, as_of: date, dry_run: bool, account: str) -> Retired:
    first = kept_from(desk, one, as_of)
    found = one.find(desk, first)
    before = list(_begun(desk, one))
    gone = tuple({item.name: item for item in (*before, *found.gone)}.values())
    if dry_run or not gone:
        return Retired(one, first, gone)
    # What is about to go is written down first: killed between, the next run still proves it.
    plan = _plan(desk, one)
    write_whole(plan, json.dumps({"kept_from": str(first), "gone": [asdict(item) for item in gone]}).encode())
    found.destroy()
    if left := one.find(desk, first).gone:
        what = f"{len(left)} of {len(gone)} parts of {one.data} are still there"
        raise OperatorError("retention", what, "look who holds them, then run `blindspot retain` again")
    until = as_of + timedelta(days=desk.settings.retention.versions_days) if one.is_rows_of_lake else None
    rule = Rule(one.data, _period(desk, one), one.basis, first, until)
    who = account or desk.settings.access.account
    proof = destruction.prove(desk.engine, desk.keys, _proofs(desk.work), rule, gone, who, now())
    plan.unlink()
    return Retired(one, first, gone, proof)


def verify(desk: Desk) -> list[str]:
    """What is wrong with the proofs, and what of that which they tell as gone is there; empty: nothing."""
    found = destruction.verify(desk.engine, desk.keys, _proofs(desk.work))
    for one in destruction.proofs(desk.engine):
        files = [item["name"] for item in one.proof["gone"] if not item["rows"]]
        found += [f"proof {one.seq}: {name} is there" for name in files if (desk.work / name).is_file()]
    return found


def learned_from(as_of: date, keep_months: int) -> date:
    """The first day of a round whose features the lake can still tell in full. Rounds chosen earlier would be learned
    with signals missing that were there."""
    number = as_of.year * 12 + as_of.month - 1 - (keep_months - LOOKS_BACK_MONTHS - 1)
    return date(number // 12, number % 12 + 1, 1)


def show_retained(show: Console, told: tuple[Retired, ...], *, dry_run: bool) -> None:
    table = table_of("class", "kept from", "files", "rows", "MB", "proof")
    for one in told:
        files, rows, size = one.counts
        cells = (str(one.kept_from), f"{files:,}", f"{rows:,}", f"{size / 1e6:.1f}", one.proof[:12])
        table.add_row(f"{one.kept.data} ({one.kept.name_ko})", *cells)
    show.print(table)
    if dry_run:
        show.print("A dry run: nothing was destroyed.")
    elif not any(one.gone for one in told):
        show.print("Nothing is too old; nothing was changed.")
    if any(one.gone and one.kept.is_rows_of_lake for one in told):
        show.print("Rows of the lake are readable in its older versions until those are too old themselves.")


def show_classes(show: Console, seen: Glance) -> None:
    """What is kept where, in which form, how long, and by which law."""
    table = table_of("class", "where", "form", "kept", "basis")
    for one in KEPT:
        table.add_row(f"{one.data} ({one.name_ko})", one.where, one.holds, _period(seen, one), one.basis)
    show.print(table)


def _period(seen: Glance, one: Kept) -> str:
    if not one.setting:
        return f"lake.keep_months: {seen.settings.lake.keep_months}"
    return f"{one.setting}: {getattr(seen.settings.retention, one.setting)}"


def _begun(desk: Desk, one: Kept) -> Iterator[Gone]:
    """Of what a killed run was about to destroy: what is there no more, also where the period was made longer since."""
    if not (plan := _plan(desk, one)).exists():
        return
    told = json.loads(plan.read_bytes())
    there = {item.name for item in one.find(desk, date.fromisoformat(told["kept_from"])).gone}
    yield from (item for item in (Gone(**fields) for fields in told["gone"]) if item.name not in there)


def _plan(desk: Desk, one: Kept) -> Path:
    return desk.work / "proofs" / "begun" / f"{one.data}.json"


def _proofs(work: Path) -> Path:
    return work / "proofs"
