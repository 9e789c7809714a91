"""Roles in the database: shown, applied, granted, revoked. Every change stands in the log of custody."""

from collections.abc import Sequence

from flows.desk import Desk, now
from flows.errors import OperatorError
from flows.locksmith import deed
from store import roles
from store.custody import Act
from store.roles import Role


def grant(desk: Desk, account: str, role: Role, offices: Sequence[str], by: str, because: str) -> None:
    what = deed(Act.ROLE_GRANTED, account, role=role.value, offices=" ".join(offices), by=by, because=because[:500])
    roles.grant(desk.engine, desk.keys, account, role, _known(desk, offices), what, now())


def revoke(desk: Desk, account: str, role: Role, offices: Sequence[str], by: str, because: str) -> None:
    what = deed(Act.ROLE_REVOKED, account, role=role.value, offices=" ".join(offices), by=by, because=because[:500])
    roles.revoke(desk.engine, desk.keys, account, role, offices, what, now())


def _known(desk: Desk, offices: Sequence[str]) -> Sequence[str]:
    """A code that no office has would be a role that works nowhere, unseen."""
    from flows.offices import read_offices

    if unknown := set(offices) - set(read_offices(desk.settings.offices)["office"]):
        raise OperatorError("roles", f"no office {', '.join(sorted(unknown))}", "take the code from the offices file")
    return offices
