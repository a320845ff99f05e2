"""The worklist: a row a study that follows by triggers, and what readers marked."""

import sqlalchemy as sa
from alembic import op

from records import worklist_triggers

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """New tables, filled from what is there, and the triggers that keep them."""
    op.create_table(
        "worklist",
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("modality", sa.String(length=64), nullable=False),
        sa.Column("series_count", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("todo", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("job", sa.BigInteger(), nullable=False),
        sa.Column("job_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("analysis_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("critical", sa.Integer(), nullable=False),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("ordered", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reader", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_uid"], ["studies.study_uid"], name="worklist_study_uid_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_uid", name="worklist_pkey"),
    )
    op.create_table(
        "worklist_marks",
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("read_of", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_uid"], ["studies.study_uid"], name="worklist_marks_study_uid_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user", "study_uid", name="worklist_marks_pkey"),
    )
    worklist_triggers.fill(op.get_bind())
    op.create_index("ix_worklist_order", "worklist", ["todo", "rank", "since", "study_uid"])
    done, columns = sa.text("todo = 0"), ["touched", "study_uid"]
    op.create_index("ix_worklist_touched", "worklist", columns, sqlite_where=done, postgresql_where=done)
    op.create_index("ix_worklist_patient", "worklist", ["patient_key"])
    op.create_index("ix_worklist_changed", "worklist", ["changed"])
    op.create_index("ix_worklist_marks_flagged", "worklist_marks", ["user", "flagged", "study_uid"])
    worklist_triggers.create(op.get_bind())
