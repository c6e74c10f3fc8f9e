"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(length=120, collation="C").with_variant(sa.String(120), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "account",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
    )
    op.create_table(
        "audit",
        sa.Column("chain", _KEY, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", "number", name=op.f("pk_audit")),
    )
    op.create_table(
        "blob",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("pixels", sa.Text(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blob")),
    )
    op.create_table(
        "chore",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("due", _TIME, nullable=False),
        sa.Column("taken_until", _TIME, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chore")),
        sa.UniqueConstraint("kind", name=op.f("uq_chore_kind")),
    )
    op.create_index(op.f("ix_chore_due"), "chore", ["due"], unique=False)
    op.create_table(
        "project",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("open_annotation", sa.Boolean(), nullable=False),
        sa.Column("open_review", sa.Boolean(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("assignment", sa.String(length=20), nullable=False),
        sa.Column("annotators_per_case", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Integer(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("key", name=op.f("uq_project_key")),
    )
    op.create_table(
        "case",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("n_slices", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("slice_keys", sa.Text(), nullable=True),
        sa.Column("geometry", sa.String(length=64), nullable=True),
        sa.Column("selected", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_case_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("project_id", "key", name=op.f("uq_case_project_id_key")),
        sa.UniqueConstraint(
            "project_id", "ordinal", name=op.f("uq_case_project_id_ordinal")
        ),
    )
    op.create_table(
        "combination",
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_combination_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "name", name=op.f("pk_combination")),
    )
    op.create_table(
        "label_set",
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_label_set_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "version", name=op.f("pk_label_set")),
    )
    op.create_table(
        "member",
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("owner", sa.Boolean(), nullable=False),
        sa.Column("reviewer", sa.Boolean(), nullable=False),
        sa.Column("annotator", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("joined", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_member_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_member_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "account_id", name=op.f("pk_member")),
    )
    op.create_index(
        op.f("ix_member_account_id"), "member", ["account_id"], unique=False
    )
    op.create_table(
        "token",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=True),
        sa.Column("revoked", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_token_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    op.create_index(op.f("ix_token_account_id"), "token", ["account_id"], unique=False)
    op.create_table(
        "annotation",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("case_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("of_id", _KEY, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Text(), nullable=False),
        sa.Column("whole_revisions", sa.Text(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("review", sa.String(length=12), nullable=True),
        sa.Column("submitted_revision", sa.BigInteger(), nullable=False),
        sa.Column("submitted", _TIME, nullable=True),
        sa.Column("reviewer_id", _KEY, nullable=True),
        sa.Column("judged", _TIME, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_annotation_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_annotation_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_annotation_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["account.id"], name=op.f("fk_annotation_reviewer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint(
            "case_id",
            "account_id",
            "of_id",
            name=op.f("uq_annotation_case_id_account_id_of_id"),
        ),
    )
    op.create_index(
        op.f("ix_annotation_project_id_account_id_of_id_status"),
        "annotation",
        ["project_id", "account_id", "of_id", "status"],
        unique=False,
    )
    op.create_index(
        op.f("ix_annotation_project_id_of_id_review"),
        "annotation",
        ["project_id", "of_id", "review"],
        unique=False,
    )
    op.create_table(
        "blob_use",
        sa.Column("case_id", _KEY, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_blob_use_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_blob_use_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["blob.digest"], name=op.f("fk_blob_use_digest")
        ),
        sa.PrimaryKeyConstraint(
            "case_id", "digest", "account_id", name=op.f("pk_blob_use")
        ),
    )
    op.create_index(op.f("ix_blob_use_digest"), "blob_use", ["digest"], unique=False)
    op.create_table(
        "event",
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("case_id", _KEY, nullable=True),
        sa.Column("author_id", _KEY, nullable=True),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("of_id", _KEY, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["account.id"], name=op.f("fk_event_author_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_event_case_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["account.id"], name=op.f("fk_event_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_event_project_id")
        ),
        sa.PrimaryKeyConstraint("project_id", "sequence", name=op.f("pk_event")),
    )
    op.create_table(
        "task",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("project_id", _KEY, nullable=False),
        sa.Column("case_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("account_id", _KEY, nullable=True),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("lease_until", _TIME, nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_task_account_id")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_task_case_id")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_task_project_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint(
            "case_id",
            "account_id",
            "kind",
            name=op.f("uq_task_case_id_account_id_kind"),
        ),
    )
    op.create_index(op.f("ix_task_lease_until"), "task", ["lease_until"], unique=False)
    op.create_index(
        op.f("ix_task_project_id_account_id"),
        "task",
        ["project_id", "account_id"],
        unique=False,
    )
    op.create_table(
        "operation",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_operation_annotation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("key", name=op.f("uq_operation_key")),
    )
    op.create_index(
        op.f("ix_operation_annotation_id_revision"),
        "operation",
        ["annotation_id", "revision"],
        unique=False,
    )
    op.create_table(
        "read_mark",
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("account_id", _KEY, nullable=False),
        sa.Column("thread", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_read_mark_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_read_mark_annotation_id"),
        ),
        sa.PrimaryKeyConstraint(
            "annotation_id", "account_id", "thread", name=op.f("pk_read_mark")
        ),
    )
    op.create_table(
        "slice",
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name=op.f("fk_slice_annotation_id")
        ),
        sa.PrimaryKeyConstraint("annotation_id", "key", name=op.f("pk_slice")),
    )
    op.create_table(
        "submission",
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_submission_annotation_id"),
        ),
        sa.PrimaryKeyConstraint("annotation_id", "number", name=op.f("pk_submission")),
    )
    op.create_table(
        "thread_entry",
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_thread_entry_annotation_id"),
        ),
        sa.PrimaryKeyConstraint(
            "annotation_id", "number", name=op.f("pk_thread_entry")
        ),
    )
    op.create_table(
        "verdict",
        sa.Column("annotation_id", _KEY, nullable=False),
        sa.Column("submission", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotation.id"], name=op.f("fk_verdict_annotation_id")
        ),
        sa.PrimaryKeyConstraint(
            "annotation_id", "submission", "number", name=op.f("pk_verdict")
        ),
    )
