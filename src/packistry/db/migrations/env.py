"""What Alembic runs: it uses the connection it is given, inside the transaction that is already open."""

from alembic import context

from packistry.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
