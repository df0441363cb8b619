"""The ledger, deliveries to each subscriber, when runs began and ended, and the alarms over those that did not."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; what stands in the ledger cannot be changed or deleted."""
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        *_texts("at", "kind", "aoi_id", "subject", "actor", "body", "prev", "digest"),
        sa.UniqueConstraint("digest", name="ux_ledger_digest"),
        sqlite_strict=True,
    )
    op.create_index("ix_ledger_subject", "ledger", ["subject", "seq"])
    op.create_index("ix_ledger_kind", "ledger", ["kind", "seq"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), primary_key=True),
        *_texts("subscriber", "channel", "kind", "items", "body", "state", "made_at", "next_at", "error"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.Text()),
        sqlite_strict=True,
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state", "next_at"])
    op.create_index("ix_deliveries_channel", "deliveries", ["subscriber", "channel"])
    op.create_table(
        "subscriptions",
        sa.Column("subscriber", sa.Text(), primary_key=True),
        sa.Column("channel", sa.Text(), primary_key=True),
        *_texts("since", "asked_at", "newest", "settled"),
        sqlite_strict=True,
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), primary_key=True),
        *_texts("pipeline", "host", "began_at", "verdicts", "unanswered"),
        sa.Column("due_at", sa.Text()),
        sa.Column("ended_at", sa.Text()),
        sa.Column("exit_code", sa.Integer()),
        sqlite_strict=True,
    )
    op.create_index("ix_runs_began", "runs", ["pipeline", "began_at"])
    op.create_table(
        "alarms",
        sa.Column("id", sa.Text(), primary_key=True),
        *_texts("pipeline", "kind", "subject", "since", "facts", "raised_at"),
        sa.Column("ended_at", sa.Text()),
        sqlite_strict=True,
    )
    op.create_index("ix_alarms_pipeline", "alarms", ["pipeline", "raised_at"])
    for statement in _FOREVER[op.get_context().dialect.name]:
        op.execute(statement)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


_FOREVER = {
    "sqlite": [
        f"CREATE TRIGGER ledger_no_{verb} BEFORE {verb.upper()} ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        (
            "CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        ),
        (
            "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        ),
    ],
}
