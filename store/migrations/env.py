"""Alembic's entry. The connection is handed in by `store.database.migrate`."""

from alembic import context

from store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,  # SQLite can, since we begin its transactions ourselves
)
with context.begin_transaction():
    context.run_migrations()
