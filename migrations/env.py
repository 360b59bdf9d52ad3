"""Runs migrations on the application's own database."""

from alembic import context
from flask import current_app

from app import environment

database = current_app.extensions["migrate"].db


def run() -> None:
    """Run in one transaction, one process at a time: several releases may start at once."""
    with environment.reach(database.engine) as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(hashtext('linea migrations'))")
        connection.commit()
        try:
            context.configure(connection=connection, target_metadata=database.metadata, compare_type=True)
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            connection.exec_driver_sql("SELECT pg_advisory_unlock(hashtext('linea migrations'))")
            connection.commit()


run()
