"""Whatever a database refuses, its error holds no value of a row: it goes into logs, and Prefect keeps it."""

import logging
import traceback

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from store.database import reading, writing
from store.tables import Run

NAME = "홍길동"
# What each makes the database refuse, with a name in the parameters.
REFUSED = {
    "key twice": "INSERT INTO account_roles VALUES (:name, 'a', 'b', :name, '2026-01-01');"
    "INSERT INTO account_roles VALUES (:name, 'a', 'b', :name, '2026-01-01')",
    "no such row": "INSERT INTO rows_set_aside VALUES (:name, 1, :name, :name)",
    "a check": "INSERT INTO office_capacity VALUES (:name, :name, -1, '2026-01-01', '2026-01-01')",
    "missing": "INSERT INTO account_roles (account) VALUES (:name)",
    "no such column": "SELECT nothing FROM runs WHERE id = :name",
    "no number": "SELECT CAST(:name AS integer) / 0",
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_error_holds_no_value(engine: Engine, what: str, caplog: pytest.LogCaptureFixture) -> None:
    try:
        with writing(engine) as session:
            for statement in REFUSED[what].split(";"):
                session.execute(text(statement), {"name": NAME})
    except DBAPIError as error:
        logging.getLogger("blindspot").exception("refused")
        told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.orig) + caplog.text
        assert NAME not in told
        assert "refused" in told
    else:
        assert (engine.dialect.name, what) == ("sqlite", "no number"), "a refusal was expected"


@pytest.mark.postgres
def test_what_is_left_says_which_rule(one_postgres: str, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite names the rule and quotes no value")
    told = {}
    for what, statements in REFUSED.items():
        with pytest.raises(DBAPIError) as caught, writing(engine) as session:
            for statement in statements.split(";"):
                session.execute(text(statement), {"name": NAME})
        told[what] = str(caught.value.orig)
    assert told == {
        "key twice": "23505 account_roles pk_account_roles",
        "no such row": "23503 rows_set_aside fk_rows_set_aside_delivery",
        "a check": "23514 office_capacity ck_office_capacity_capacity",
        "missing": "23502 account_roles role",
        "no such column": '42703 column "nothing" does not exist',
        "no number": "22P02",
    }


def test_what_works_still_works(engine: Engine) -> None:
    with reading(engine) as session:
        assert session.scalars(select(Run)).all() == []
