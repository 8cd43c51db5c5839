"""Two-person unblinding, the ends of the trail's chains, and guards for what else a frozen study rests on."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

guards = import_module("studyapp.migrations.0002_guards")

KEPT_FOR_EVER = {
    "studyapp_unblindingrequest": "a request to unblind is never changed",
    "studyapp_unblindinganswer": "an answer to such a request is never changed",
    "studyapp_decline": "a no is never changed",
}

# What a frozen study's items were drawn from.
DATASET = """
CREATE FUNCTION foretell_guard_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM studyapp_studyitem s JOIN studyapp_item i ON i.id = s.item_id WHERE i.dataset_id = OLD.id)
    THEN
        RAISE EXCEPTION '% of studyapp_dataset refused: a frozen study rests on it', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER never_changed_once_used BEFORE UPDATE OR DELETE ON studyapp_dataset
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_dataset();
"""

# table: the columns that never change. `is_current` of a predictor and `allocated` of a stage are meant to move; a
# number that stays keeps two rows from changing places.
FIXED_COLUMNS = {
    "studyapp_predictor": ("id", "dataset_id", "key", "title", "architecture", "weights_sha256", "card"),
    "studyapp_stage": ("id", "study_id", "kind", "number", "capacity"),
    "studyapp_link": ("id", "stage_id", "token"),
    "studyapp_stratum": ("id", "stage_id", "key"),
    "studyapp_enrolment": ("id",),
}

NEVER_DELETED = {
    "studyapp_predictor": "studies name their predictors for ever",
    "studyapp_stage": "a stage is never deleted",
    "studyapp_stratum": "a stratum is never deleted",
}


def fix(table: str, columns: tuple[str, ...]) -> str:
    def row(which: str) -> str:
        return f"ROW({', '.join(f'{which}.{column}' for column in columns)})"

    return f"""
CREATE TRIGGER fixed_columns BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({row("NEW")} IS DISTINCT FROM {row("OLD")})
    EXECUTE FUNCTION foretell_refuse_change('{", ".join(columns)} never change');
"""


def never_delete(table: str, sentence: str) -> str:
    return f"""
CREATE TRIGGER never_deleted BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('{sentence}');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('{sentence}');
"""


def never_emptied(table: str) -> str:
    return f"""
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('this table is never emptied');
"""


NEVER_EMPTIED = ("studyapp_dataset", "studyapp_explanation", "studyapp_enrolment", "studyapp_link")

# A place further on: a sequence never goes back.
STRATUM = """
CREATE FUNCTION foretell_guard_stratum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.next_sequence < OLD.next_sequence OR NEW.last_block < OLD.last_block
            OR NEW.last_block_start < OLD.last_block_start THEN
        RAISE EXCEPTION 'UPDATE of studyapp_stratum refused: a sequence never goes back'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER never_back BEFORE UPDATE ON studyapp_stratum
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_stratum();
"""

# As in 0002, and: a study begins as a draft, keeps its number, and is unblinded by two people (or by the only one).
STUDY = """
CREATE OR REPLACE FUNCTION foretell_guard_study() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'INSERT into studyapp_study refused: a study begins as a draft'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.state <> 'draft' THEN
            RAISE EXCEPTION 'DELETE of studyapp_study refused: a frozen study is never deleted'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.public_id, NEW.lab_id, NEW.created_at, NEW.created_by_id)
            IS DISTINCT FROM (OLD.id, OLD.public_id, OLD.lab_id, OLD.created_at, OLD.created_by_id) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: whose a study is and its number are never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> 'draft' AND (NEW.draft, NEW.title) IS DISTINCT FROM (OLD.draft, OLD.title) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: the design of a frozen study is never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> NEW.state AND NOT (OLD.state || '>' || NEW.state) = ANY (ARRAY[
            'draft>frozen', 'frozen>open', 'open>paused', 'paused>open', 'open>closed', 'paused>closed',
            'closed>unblinded']) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> NEW.state AND NEW.state = 'unblinded' AND NOT EXISTS (
            SELECT FROM studyapp_unblindingrequest r LEFT JOIN studyapp_unblindinganswer a ON a.request_id = r.id
            WHERE r.study_id = NEW.id AND (r.is_alone OR a.is_confirmed)) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: two people unblind a study'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins_as_a_draft BEFORE INSERT ON studyapp_study
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_study();
"""

# Who may ask and who may confirm, whatever the application thinks.
UNBLINDING = """
CREATE FUNCTION foretell_guard_unblinding_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    lab bigint;
BEGIN
    SELECT s.lab_id INTO lab FROM studyapp_study s WHERE s.id = NEW.study_id AND s.state = 'closed' FOR UPDATE;
    IF lab IS NULL THEN
        RAISE EXCEPTION 'INSERT into studyapp_unblindingrequest refused: the study is not closed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM studyapp_membership m
            WHERE m.lab_id = lab AND m.user_id = NEW.asked_by_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'INSERT into studyapp_unblindingrequest refused: an owner of the lab asks'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.is_alone AND EXISTS (SELECT FROM studyapp_membership m
            WHERE m.lab_id = lab AND m.user_id <> NEW.asked_by_id AND m.role = 'owner') THEN
        RAISE EXCEPTION 'INSERT into studyapp_unblindingrequest refused: the lab has another owner, who confirms'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER asked_by_an_owner BEFORE INSERT ON studyapp_unblindingrequest
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_unblinding_request();
CREATE FUNCTION foretell_guard_unblinding_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.is_confirmed AND NOT EXISTS (
            SELECT FROM studyapp_unblindingrequest r JOIN studyapp_study s ON s.id = r.study_id
            JOIN studyapp_membership m ON m.lab_id = s.lab_id AND m.user_id = NEW.by_id
            WHERE r.id = NEW.request_id AND r.asked_by_id <> NEW.by_id AND r.expires_at > clock_timestamp()
                AND (m.role = 'owner' OR r.second_id = NEW.by_id)) THEN
        RAISE EXCEPTION 'INSERT into studyapp_unblindinganswer refused: a second person confirms, in time'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER confirmed_by_another BEFORE INSERT ON studyapp_unblindinganswer
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_unblinding_answer();
"""

# No early look: a report of real people exists only after unblinding.
REPORT = """
CREATE FUNCTION foretell_guard_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM studyapp_stage g JOIN studyapp_study s ON s.id = g.study_id
            WHERE g.id = NEW.stage_id AND g.kind <> 'rehearsal' AND s.state <> 'unblinded') THEN
        RAISE EXCEPTION '% of studyapp_report refused: the arms are masked until the study is unblinded', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER no_early_look BEFORE INSERT OR UPDATE ON studyapp_report
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_report();
"""

# As in 0002, and: numbers stay, so that no two rows can change places.
EXPLANATION = """
CREATE OR REPLACE FUNCTION foretell_guard_explanation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.key) IS DISTINCT FROM (OLD.id, OLD.key)
        OR OLD.state = 'ready' AND (TG_OP = 'DELETE' OR
            (NEW.predictor_id, NEW.item_id, NEW.donor_id, NEW.explainer, NEW.params, NEW.seed, NEW.state,
             NEW.explained_class, NEW.form, NEW.diagnostics, NEW.error, NEW.computed_at)
            IS DISTINCT FROM
            (OLD.predictor_id, OLD.item_id, OLD.donor_id, OLD.explainer, OLD.params, OLD.seed, OLD.state,
             OLD.explained_class, OLD.form, OLD.diagnostics, OLD.error, OLD.computed_at)) THEN
        RAISE EXCEPTION '% of studyapp_explanation refused: a computed explanation is never changed', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
"""

# The chain is continued under the lock of its end's row. The function is the owner's: the application's role may read
# the ends and never write them. The text that is hashed is as it was, so older entries keep their hashes.
AUDIT = """
CREATE OR REPLACE FUNCTION foretell_chain_audit() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    this_chain bigint := coalesce(NEW.study_id, 0);
BEGIN
    INSERT INTO studyapp_audithead (chain, n_entries, last_entry, head_sha256, transaction)
        VALUES (this_chain, 0, 0, '', 0) ON CONFLICT DO NOTHING;
    SELECT head_sha256 INTO NEW.previous FROM studyapp_audithead WHERE chain = this_chain FOR UPDATE;
    NEW.id := nextval(pg_get_serial_sequence('public.studyapp_auditentry', 'id'));
    NEW.entry_sha256 := encode(sha256(convert_to(foretell_audit_text(NEW), 'UTF8')), 'hex');
    UPDATE studyapp_audithead SET n_entries = n_entries + 1, last_entry = NEW.id, head_sha256 = NEW.entry_sha256,
        transaction = pg_current_xact_id()::text::bigint WHERE chain = this_chain;
    RETURN NEW;
END $$;
INSERT INTO studyapp_audithead (chain, n_entries, last_entry, head_sha256, transaction)
    SELECT coalesce(study_id, 0), count(*), max(id), (array_agg(entry_sha256 ORDER BY id DESC))[1], 0
    FROM studyapp_auditentry GROUP BY 1;
CREATE FUNCTION foretell_require_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM studyapp_audithead WHERE transaction = pg_current_xact_id()::text::bigint
            AND chain = CASE TG_TABLE_NAME WHEN 'studyapp_study' THEN (to_jsonb(NEW) ->> 'id')::bigint
                ELSE (to_jsonb(NEW) ->> 'study_id')::bigint END) THEN
        RAISE EXCEPTION 'UPDATE of % refused: the transaction leaves no entry in the audit trail', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER a_change_leaves_an_entry AFTER UPDATE ON studyapp_study DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION foretell_require_entry();
CREATE CONSTRAINT TRIGGER a_change_leaves_an_entry AFTER UPDATE ON studyapp_enrolment DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.arm IS DISTINCT FROM NEW.arm)
    EXECUTE FUNCTION foretell_require_entry();
"""

# A role that may make temporary tables could put one in front of ours; the guards look in our schema first.
GUARDS = (
    "foretell_guard_study", "foretell_guard_addition", "foretell_guard_dataset", "foretell_guard_report",
    "foretell_guard_unblinding_request", "foretell_guard_unblinding_answer", "foretell_require_entry",
)  # fmt: skip


def search_path(verb: str) -> str:
    return "\n".join(f"ALTER FUNCTION {name}() {verb};" for name in GUARDS)


LOOK_IN_OURS = search_path("SET search_path = pg_catalog, public, pg_temp")

DROP = """
DROP TRIGGER a_change_leaves_an_entry ON studyapp_enrolment; DROP TRIGGER a_change_leaves_an_entry ON studyapp_study;
DROP TRIGGER no_early_look ON studyapp_report;
DROP TRIGGER confirmed_by_another ON studyapp_unblindinganswer;
DROP TRIGGER asked_by_an_owner ON studyapp_unblindingrequest;
DROP TRIGGER begins_as_a_draft ON studyapp_study;
DROP TRIGGER never_back ON studyapp_stratum; DROP TRIGGER never_changed_once_used ON studyapp_dataset;
DROP FUNCTION foretell_require_entry, foretell_guard_report, foretell_guard_unblinding_answer,
    foretell_guard_unblinding_request, foretell_guard_stratum, foretell_guard_dataset;
ALTER FUNCTION foretell_guard_study() RESET ALL; ALTER FUNCTION foretell_guard_addition() RESET ALL;
ALTER FUNCTION foretell_chain_audit() SECURITY INVOKER; ALTER FUNCTION foretell_chain_audit() RESET ALL;
"""


def as_before(text: str, name: str) -> str:
    """The definition of a function in 0002, to go back to."""
    start = text.index(f"CREATE FUNCTION {name}")
    return text[start : text.index("$$;", start) + 3].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


BACK = DROP + "\n".join(
    as_before(text, name)
    for text, name in (
        (guards.STUDY, "foretell_guard_study"),
        (guards.EXPLANATION, "foretell_guard_explanation"),
        (guards.AUDIT, "foretell_chain_audit"),
    )
)


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0003_accounts")]

    operations = [
        migrations.AddField(
            model_name="stratum",
            name="last_block",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="stratum",
            name="last_block_start",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("chain", models.BigIntegerField(primary_key=True, serialize=False)),
                ("n_entries", models.BigIntegerField(default=0)),
                ("last_entry", models.BigIntegerField(default=0)),
                ("head_sha256", models.CharField(default="", max_length=64)),
                ("transaction", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="UnblindingRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("reason", models.TextField(blank=True)),
                ("is_alone", models.BooleanField(default=False)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="unblinding_requests",
                        to="studyapp.study",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_alone", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                        ),
                        name="who_unblinds_alone_says_why",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UnblindingAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("is_confirmed", models.BooleanField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="answer",
                        to="studyapp.unblindingrequest",
                    ),
                ),
            ],
        ),
        *(
            migrations.RunSQL(guards.refuse(table, why), guards.allow_again(table))
            for table, why in KEPT_FOR_EVER.items()
        ),
        migrations.RunSQL(DATASET + STRATUM + STUDY + UNBLINDING + REPORT + EXPLANATION + AUDIT + LOOK_IN_OURS, BACK),
        *(
            migrations.RunSQL(fix(table, columns), f"DROP TRIGGER fixed_columns ON {table}")
            for table, columns in FIXED_COLUMNS.items()
        ),
        *(
            migrations.RunSQL(
                never_delete(table, why),
                f"DROP TRIGGER never_deleted ON {table}; DROP TRIGGER never_emptied ON {table}",
            )
            for table, why in NEVER_DELETED.items()
        ),
        *(migrations.RunSQL(never_emptied(table), f"DROP TRIGGER never_emptied ON {table}") for table in NEVER_EMPTIED),
    ]
