"""What persons add to a review: told critical findings, opinions, addenda."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_FOR_GOOD = ("addenda", "communications")
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'what was signed is append-only'); END"
        for table in _FOR_GOOD
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION review_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'what was signed is append-only'; END $$",
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION review_append_only()"
            for table in _FOR_GOOD
        ),
    ],
}
"""What keeps addenda and told critical findings from being changed or deleted, whoever asks."""


def upgrade() -> None:
    """New tables; reviews of before had none of these."""
    op.create_table(
        "addenda",
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=128), nullable=False),
        sa.Column("signed_by", sa.String(length=128), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="addenda_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("analysis_id", "number", name="addenda_pkey"),
    )
    op.create_table(
        "communications",
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("finding", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("attending", sa.String(length=128), nullable=False),
        sa.Column("told_to", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="communications_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("analysis_id", "number", name="communications_pkey"),
    )
    op.create_table(
        "opinions",
        sa.Column("opinion_id", sa.String(length=64), nullable=False),
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("asked_of", sa.String(length=128), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreement", sa.String(length=32), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("answered_by", sa.String(length=128), nullable=False),
        sa.Column("answered_as", sa.String(length=128), nullable=False),
        sa.Column("answered", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="opinions_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("opinion_id", name="opinions_pkey"),
    )
    op.create_index("ix_opinions_analysis_id", "opinions", ["analysis_id"])
    op.create_index("ix_opinions_kind_agreement", "opinions", ["kind", "agreement"])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
