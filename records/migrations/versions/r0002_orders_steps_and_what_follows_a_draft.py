"""Orders, steps, artifacts, reviews, feedback, notifications; versions of what people edit.

Each analysis that is there gets an order of its own out of what it was asked, and rows of the steps and reviews that
its report tells of. Files are not looked at: an artifact has its row from the next change of its analysis on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

PAGE = 200
WHEN = sa.DateTime(timezone=True)


def table(name: str, *names: str, **typed: Any) -> sa.TableClause:
    """A table as this migration uses it, whatever the classes say later."""
    return sa.table(name, *(sa.column(n) for n in names), *(sa.column(n, t) for n, t in typed.items()))


ANALYSES = table(
    "analyses",
    *("id", "study_uid", "patient_key", "indication", "priority", "order_id"),
    created=WHEN,
    document=sa.JSON(),
)
ORDERS = table(
    "orders",
    *("order_id", "patient_key", "study_uid", "source", "sender", "accession", "placer_number", "filler_number"),
    *("priority_asked", "priority", "raised_by", "raised_because", "indication"),
    prompts=sa.JSON(),
    requested=WHEN,
    received=WHEN,
)
STEPS = table(
    "steps",
    *("analysis_id", "number", "step_id", "agent", "tool", "model"),
    started=WHEN,
    seconds=sa.Float(),
    ok=sa.Boolean(),
    error=sa.Text(),
)
REVIEWS = table(
    "reviews",
    *("analysis_id", "number", "action", "reviewer"),
    at=WHEN,
    reason=sa.Text(),
    present=sa.String(),
    becomes=sa.String(),
    edited=sa.JSON(),
)


def upgrade() -> None:
    """New tables, and what the reports say as rows of them."""
    make_orders()
    make_notifications()
    op.add_column("analyses", sa.Column("order_id", sa.String(length=64), nullable=True))
    op.add_column("analyses", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    make_parts()
    for rows in pages():
        take_over(rows)
    with op.batch_alter_table("analyses") as analyses:
        analyses.alter_column("order_id", existing_type=sa.String(length=64), nullable=False)
        analyses.create_foreign_key("analyses_order_id_fkey", "orders", ["order_id"], ["order_id"])
    op.create_index("ix_analyses_order_id", "analyses", ["order_id"])
    op.create_index("ix_analyses_status_created", "analyses", ["status", "created"])


def pages() -> Iterator[list[sa.Row[Any]]]:
    """All analyses, some at a time: their reports are large."""
    last = ""
    while rows := list(
        op.get_bind().execute(sa.select(ANALYSES).where(ANALYSES.c.id > last).order_by(ANALYSES.c.id).limit(PAGE))
    ):
        yield rows
        last = rows[-1].id


def take_over(rows: list[sa.Row[Any]]) -> None:
    """Orders, steps and reviews of some analyses."""
    bind = op.get_bind()
    bind.execute(sa.insert(ORDERS), [order_of(row) for row in rows])
    bind.execute(sa.update(ANALYSES).where(ANALYSES.c.id.in_([row.id for row in rows])).values(order_id=ANALYSES.c.id))
    for target, found in ((STEPS, steps_of), (REVIEWS, reviews_of)):
        if told := [fact for row in rows for fact in found(row)]:
            bind.execute(sa.insert(target), told)


def order_of(row: sa.Row[Any]) -> dict[str, Any]:
    """What an analysis was asked; who asked was not kept."""
    nothing = dict.fromkeys(
        ("sender", "accession", "placer_number", "filler_number", "raised_by", "raised_because"), ""
    )
    return nothing | {
        "order_id": row.id,
        "patient_key": row.patient_key,
        "study_uid": row.study_uid,
        "source": "unknown",
        "priority_asked": row.priority,
        "priority": row.priority,
        "indication": row.indication,
        "prompts": [],
        "requested": row.created,
        "received": row.created,
    }


def steps_of(row: sa.Row[Any]) -> Iterator[dict[str, Any]]:
    """The steps that a report lists."""
    for number, step in enumerate(listed(row, "steps"), start=1):
        words = {name: str(step.get(name) or "") for name in ("agent", "tool", "model", "error")}
        yield words | {
            "analysis_id": row.id,
            "number": number,
            "step_id": str(step.get("id", "")),
            "started": time_of(step.get("started"), row.created),
            "seconds": float(step.get("seconds") or 0.0),
            "ok": bool(step.get("ok")),
        }


def reviews_of(row: sa.Row[Any]) -> Iterator[dict[str, Any]]:
    """The acts of reviewers that a report lists."""
    for number, act in enumerate(listed(row, "reviews"), start=1):
        yield {
            "analysis_id": row.id,
            "number": number,
            "action": str(act.get("action", "")),
            "reviewer": str(act.get("by", "")),
            "at": time_of(act.get("at"), row.created),
            "reason": str(act.get("reason") or ""),
            "present": str(act.get("from", "")),
            "becomes": str(act.get("to", "")),
            "edited": [str(name) for name in act.get("edited", ())],
        }


def listed(row: sa.Row[Any], name: str) -> list[dict[str, Any]]:
    """A list of a report; empty where it is not what it should be."""
    found = row.document.get(name) if isinstance(row.document, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def time_of(written: object, otherwise: datetime) -> datetime:
    """A time of a report in UTC."""
    try:
        read = datetime.fromisoformat(str(written))
    except ValueError:
        return otherwise
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def make_orders() -> None:
    """What came in."""
    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("study_uid", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.String(length=128), nullable=False),
        sa.Column("accession", sa.String(length=64), nullable=False),
        sa.Column("placer_number", sa.String(length=64), nullable=False),
        sa.Column("filler_number", sa.String(length=64), nullable=False),
        sa.Column("priority_asked", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("raised_by", sa.String(length=128), nullable=False),
        sa.Column("raised_because", sa.Text(), nullable=False),
        sa.Column("indication", sa.Text(), nullable=False),
        sa.Column("prompts", sa.JSON(), nullable=False),
        sa.Column("requested", WHEN, nullable=True),
        sa.Column("received", WHEN, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("order_id", name="orders_pkey"),
    )
    for name in ("accession", "study_uid", "patient_key"):
        op.create_index(f"ix_orders_{name}", "orders", [name])
    numbered = sa.text("placer_number <> ''")
    op.create_index(
        "ix_orders_placer",
        "orders",
        ["source", "sender", "placer_number"],
        unique=True,
        sqlite_where=numbered,
        postgresql_where=numbered,
    )


def make_notifications() -> None:
    """What goes out."""
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.String(length=64), nullable=False),
        sa.Column("dedup_key", sa.String(length=256), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=256), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("about_type", sa.String(length=32), nullable=False),
        sa.Column("about_id", sa.String(length=128), nullable=False),
        sa.Column("patient_key", sa.String(length=256), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", WHEN, nullable=False),
        sa.Column("created", WHEN, nullable=False),
        sa.Column("ended", WHEN, nullable=True),
        sa.Column("error", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("notification_id", name="notifications_pkey"),
    )
    op.create_index("ix_notifications_dedup_key", "notifications", ["dedup_key"], unique=True)
    op.create_index("ix_notifications_due", "notifications", ["state", "due"])
    op.create_index("ix_notifications_about", "notifications", ["about_type", "about_id"])


def make_parts() -> None:
    """What belongs to an analysis."""
    op.create_table(
        "steps",
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=False),
        sa.Column("tool", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("started", WHEN, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="steps_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("analysis_id", "number", name="steps_pkey"),
    )
    op.create_index("ix_steps_tool_started", "steps", ["tool", "started"])
    op.create_index("ix_steps_model", "steps", ["model"])
    op.create_table(
        "artifacts",
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("media_type", sa.String(length=128), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="artifacts_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("analysis_id", "name", name="artifacts_pkey"),
    )
    op.create_index("ix_artifacts_uid", "artifacts", ["uid"])
    op.create_table(
        "reviews",
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("reviewer", sa.String(length=128), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("present", sa.String(length=16), nullable=False),
        sa.Column("becomes", sa.String(length=16), nullable=False),
        sa.Column("edited", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="reviews_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("analysis_id", "number", name="reviews_pkey"),
    )
    op.create_index("ix_reviews_reviewer_at", "reviews", ["reviewer", "at"])
    op.create_table(
        "feedback",
        sa.Column("feedback_id", sa.String(length=128), nullable=False),
        sa.Column("analysis_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("given_by", sa.String(length=128), nullable=False),
        sa.Column("at", WHEN, nullable=False),
        sa.Column("replaces", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analyses.id"], name="feedback_analysis_id_fkey"),
        sa.PrimaryKeyConstraint("feedback_id", name="feedback_pkey"),
    )
    op.create_index("ix_feedback_analysis_id", "feedback", ["analysis_id"])
