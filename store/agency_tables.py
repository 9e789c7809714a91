"""An agency's table in its own database, by SQLAlchemy URL. Only read, in one order, a few rows at a time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from store.agency_places import UnreachableError

_ROWS: Final = 10_000  # held at a time


class AgencyTable:
    def __init__(self, url: str, table: str) -> None:
        """table: its name, with its schema before a point where it has one. Credentials come from the environment."""
        place = make_url(url)
        self._shown = f"{place.render_as_string(hide_password=True)} · {table}"
        self._engine = create_engine(place, poolclass=NullPool, hide_parameters=True)
        schema, _, name = table.rpartition(".")
        self._name, self._schema = name, schema or None

    def values(self, column: str) -> list[Any]:
        """The different values of a column, without null."""
        with self._reading() as (connection, table):
            told = table.c[column]
            return list(connection.scalars(select(told).where(told.is_not(None)).distinct().order_by(told)))

    def rows(self, columns: Sequence[str], among: str, values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """`columns` of the rows whose column `among` has one of the values; the same rows come in the same order."""
        with self._reading() as (connection, table):
            wanted = [table.c[column] for column in columns]
            query = select(*wanted).where(table.c[among].in_(values)).order_by(*wanted)
            yield from connection.execution_options(yield_per=_ROWS).execute(query)

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection, Table]]:
        try:
            with self._engine.connect() as connection:
                yield connection, Table(self._name, MetaData(), schema=self._schema, autoload_with=connection)
        except (SQLAlchemyError, KeyError) as error:
            # A missing column is a KeyError by its name: the agency's word, no value.
            what = f" {error}" if isinstance(error, KeyError) else ""
            raise UnreachableError(f"{self._shown} cannot be read ({type(error).__name__}{what})") from None
