"""Runs the migrations on the connection that ``migrate`` hands over."""

from alembic import context
from sqlalchemy import Connection


def _run() -> None:
    connection = context.config.attributes["connection"]
    assert isinstance(connection, Connection)
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()


_run()
