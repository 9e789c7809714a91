"""Where a PostgreSQL does not hold accounts to their roles: queries that find faults, and the words to tell them."""

from typing import Final

from sqlalchemy import Engine, text

from store.database import reading
from store.roles import LOGS, OFFICER_ROWS
from store.tables import Base

_CHECKS: Final = (
    (
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY(:guarded) AND NOT relrowsecurity
        """,
        "rows of {0} are not guarded: run `blindspot roles apply`",
    ),
    (
        """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY(:logs)
        AND (pg_has_role(relowner, 'USAGE') OR has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE'))
        """,
        "this very account can change {0}: let runs use one that is only blindspot_nightly",
    ),
    (
        """
        SELECT DISTINCT m.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid
        JOIN pg_roles m ON m.oid = a.member
        WHERE g.rolname LIKE 'blindspot\\_%' AND (m.rolsuper OR m.rolbypassrls)
        """,
        "{0} stands above every rule (superuser or BYPASSRLS)",
    ),
    (
        """
        SELECT m.rolname, g.rolname FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid
        JOIN pg_roles m ON m.oid = a.member
        WHERE g.rolname LIKE 'blindspot\\_%' AND NOT EXISTS (
            SELECT FROM account_roles r WHERE r.account = m.rolname AND 'blindspot_' || r.role = g.rolname
        )
        """,
        "{0} is {1}, and nobody granted it here",
    ),
    (
        """
        SELECT DISTINCT relname FROM pg_class, LATERAL aclexplode(relacl) p
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY(:tables) AND p.grantee = 0
        """,
        "{0} is open to every account of the server",
    ),
    (
        # A view without it reads with its owner's eyes, past every policy.
        """
        SELECT c.relname, g.rolname FROM pg_class c, pg_roles g
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm') AND g.rolname LIKE 'blindspot\\_%'
        AND has_any_column_privilege(g.oid, c.oid, 'SELECT')
        AND NOT COALESCE('security_invoker=true' = ANY(c.reloptions), false)
        """,
        "view {0}, which {1} may read, sees past the rules: make it WITH (security_invoker = true)",
    ),
)


def check(engine: Engine) -> list[str]:
    """In words; empty: everybody is held to their role."""
    if engine.dialect.name != "postgresql":
        return ["SQLite has no accounts: whoever may read the file sees all rows, whoever may write it can change any"]
    names = {"guarded": [*OFFICER_ROWS, *LOGS], "logs": list(LOGS), "tables": sorted(Base.metadata.tables)}
    told = []
    with reading(engine) as session:
        for query, words in _CHECKS:
            asked = {name: tables for name, tables in names.items() if f":{name}" in query}
            told += [words.format(*row) for row in session.execute(text(query), asked)]
    return told
