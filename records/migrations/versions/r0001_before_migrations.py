"""The tables of 0.1.0, made by `create_all` until there were migrations.

A database of that time has some or all of them: what is missing is made, what is there stays as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER IF NOT EXISTS audit_no_{verb.lower()} BEFORE {verb} ON audit_events "
        "BEGIN SELECT RAISE(ABORT, 'the audit ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit ledger is append-only'; END $$",
        "DROP TRIGGER IF EXISTS audit_append_only ON audit_events",
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
    ],
}
"""What keeps the ledger's events from being changed or deleted, whoever asks."""


def upgrade() -> None:
    """Make the tables that are not there."""
    op.create_table(
        "audit_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("when", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=64), nullable=False),
        sa.Column("object_type", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.String(length=128), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("audit_events_pkey")),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "boards",
        sa.Column("board_id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("life", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("board_id", name=op.f("boards_pkey")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_boards_patient_key"), "boards", ["patient_key"], if_not_exists=True)
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("bound_to", sa.String(length=300), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("conversations_pkey")),
        if_not_exists=True,
    )
    op.create_table(
        "history_documents",
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("document_id", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("patient_key", "document_id", name=op.f("history_documents_pkey")),
        if_not_exists=True,
    )
    op.create_table(
        "studies",
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("patient_id", sa.String(length=128), nullable=False),
        sa.Column("modality", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("body_part", sa.String(length=64), nullable=False),
        sa.Column("started", sa.DateTime(), nullable=True),
        sa.Column("accession", sa.String(length=64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("series", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("studies_pkey")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_studies_patient_key"), "studies", ["patient_key"], if_not_exists=True)
    op.create_table(
        "analyses",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("indication", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("analyses_study_uid_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("analyses_pkey")),
        if_not_exists=True,
    )
    op.create_index("ix_analyses_study_created", "analyses", ["study_uid", "created"], if_not_exists=True)
    op.create_table(
        "board_members",
        sa.Column("board_id", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["board_id"], ["boards.board_id"], name=op.f("board_members_board_id_fkey")),
        sa.PrimaryKeyConstraint("board_id", "user", name=op.f("board_members_pkey")),
        if_not_exists=True,
    )
    op.create_table(
        "board_messages",
        sa.Column("board_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claims", sa.JSON(), nullable=False),
        sa.Column("reply_to", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["board_id"], ["boards.board_id"], name=op.f("board_messages_board_id_fkey")),
        sa.PrimaryKeyConstraint("board_id", "number", name=op.f("board_messages_pkey")),
        if_not_exists=True,
    )
    op.create_table(
        "board_studies",
        sa.Column("board_id", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["board_id"], ["boards.board_id"], name=op.f("board_studies_board_id_fkey")),
        sa.ForeignKeyConstraint(["study_uid"], ["studies.study_uid"], name=op.f("board_studies_study_uid_fkey")),
        sa.PrimaryKeyConstraint("board_id", "study_uid", name=op.f("board_studies_pkey")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_board_studies_study_uid"), "board_studies", ["study_uid"], if_not_exists=True)
    op.create_table(
        "conversation_turns",
        sa.Column("turn_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("conversation_id", sa.String(length=128), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("planner", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.conversation_id"], name=op.f("conversation_turns_conversation_id_fkey")
        ),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("conversation_turns_pkey")),
        if_not_exists=True,
    )
    op.create_index(
        "ix_conversation_turns_order", "conversation_turns", ["conversation_id", "turn_id"], if_not_exists=True
    )
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(length=64), nullable=False),
        sa.Column("effect", sa.String(length=16), nullable=False),
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("asked_by", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=128), nullable=False),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name=op.f("approvals_analysis_id_fkey")),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("approvals_pkey")),
        if_not_exists=True,
    )
    op.create_index(op.f("ix_approvals_analysis_id"), "approvals", ["analysis_id"], if_not_exists=True)
    op.create_index(op.f("ix_approvals_study_uid"), "approvals", ["study_uid"], if_not_exists=True)
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
