"""What workers share of endpoints: limits, quotas of days, and how endpoints were scaled."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """New tables."""
    op.create_table(
        "endpoint_limits",
        sa.Column("endpoint", sa.String(length=256), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", name="endpoint_limits_pkey"),
    )
    op.create_table(
        "endpoint_quotas",
        sa.Column("endpoint", sa.String(length=256), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("alerted", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "day", name="endpoint_quotas_pkey"),
    )
    op.create_table(
        "endpoint_scalings",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("endpoint", sa.String(length=256), nullable=False),
        sa.Column("deployment", sa.String(length=128), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("number", name="endpoint_scalings_pkey"),
    )
    op.create_index("ix_endpoint_scalings_endpoint_number", "endpoint_scalings", ["endpoint", "number"])
