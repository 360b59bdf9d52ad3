"""An installation of an earlier version keeps its rows, and ends with the tables that the models describe."""

from uuid import uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade

from app import create_app
from app.extensions import db
from app.settings import from_environment
from app.store import bulk_operations
from app.store.execution_filters import Filters
from tests.servers import PROJECT, SECRET_KEY, Servers, make_database

FOLDER = str(PROJECT / "migrations")
OPERATION = (
    "INSERT INTO bulk_operations (id, workspace_id, kind, ids, matched) VALUES (%s, %s, 'cancel', '{}', 0)"
)


def test_an_operation_of_before_has_filters_afterwards(servers: Servers) -> None:
    url = make_database(servers, "linea_upgrade")
    app = create_app(
        from_environment({"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1", "SECRET_KEY": SECRET_KEY})
    )
    operation, workspace = uuid4(), str(uuid4())

    with app.app_context():
        downgrade(FOLDER, "0001")
        with db.engine.begin() as tx:
            tx.exec_driver_sql("INSERT INTO workspaces (id, name) VALUES (%s, 'Acme')", (workspace,))
            tx.exec_driver_sql(OPERATION, (str(operation), workspace))
        upgrade(FOLDER)
        with db.engine.begin() as tx:
            kept = bulk_operations.state(tx, operation)
            differences = compare_metadata(MigrationContext.configure(tx), db.metadata)
        db.engine.dispose()

    assert kept is not None
    assert kept.listed
    assert bulk_operations.filters_of(kept.filters) == Filters()
    assert differences == []
