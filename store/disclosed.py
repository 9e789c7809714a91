"""What the access log tells of past disclosures: by run, by time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, or_, select

from store.database import reading
from store.tables import Access


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One record of the access log."""

    seq: int
    at: datetime
    account: str
    place: str
    task: str
    purpose: str
    reason: str
    office: str | None
    run: str | None
    subjects: tuple[int, ...]


def of_run(engine: Engine, run: str, office: str) -> Disclosed | None:
    """Whom the sheet of a night holds; None: nobody. A night begun again recorded it again: the last one counts."""
    query = select(Access).where(Access.run == run, Access.office == office, Access.task == "sheet")
    with reading(engine) as session:
        found = session.scalars(query.order_by(Access.seq.desc()).limit(1)).first()
    return None if found is None else _told(found)


def between(engine: Engine, first: datetime, last: datetime, account: str | None = None) -> list[Disclosed]:
    """Records of that time, both ends within, in order. account: a person's name, the machine's account, or both as
    they stand in the log, `name (account)`."""
    query = select(Access).where(Access.at >= first, Access.at <= last)
    if account is not None:
        named = Access.account.startswith(f"{account} (", autoescape=True)
        of_machine = Access.account.endswith(f"({account})", autoescape=True)
        query = query.where(or_(Access.account == account, named, of_machine))
    with reading(engine) as session:
        return [_told(one) for one in session.scalars(query.order_by(Access.seq))]


def _told(one: Access) -> Disclosed:
    return Disclosed(
        one.seq, one.at, one.account, one.place, one.task, one.purpose, one.reason, one.office, one.run,
        tuple(one.subjects),
    )  # fmt: skip
