"""Where each version stands in its document, so that publishing one need not render all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty at first: a document without places is rendered whole the next time its package changes.
    op.add_column("documents", sa.Column("places", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("documents", "places")
