"""What is frozen stays frozen: triggers that refuse changes from any path, and the chain of the audit trail."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION foretell_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

# table: what it holds, for the message
NEVER_CHANGED = {
    "studyapp_frozendesign": "a frozen design is never changed",
    "studyapp_studyitem": "the items of a frozen design are never changed",
    "studyapp_armexplanation": "the explanations of a frozen design are never changed",
    "studyapp_seal": "a sealed key is never changed",
    "studyapp_response": "a response is never changed",
    "studyapp_consent": "a consent is never changed",
    "studyapp_assignment": "an assignment is never changed",
    "studyapp_auditentry": "the audit trail is never changed",
    "studyapp_item": "an item is never changed",
    "studyapp_perturbation": "a perturbation is never changed",
    "studyapp_output": "an output is never changed",
}


def refuse(table: str, sentence: str) -> str:
    return f"""
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('{sentence}');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('{sentence}');
"""


def allow_again(table: str) -> str:
    return f"DROP TRIGGER never_changed ON {table}; DROP TRIGGER never_emptied ON {table};"


# Only a draft's design may change, and a study's state only moves along its path.
STUDY = """
CREATE FUNCTION foretell_guard_study() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state <> 'draft' THEN
            RAISE EXCEPTION 'DELETE of studyapp_study refused: a frozen study is never deleted'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.state <> 'draft' AND (NEW.draft, NEW.title, NEW.lab_id, NEW.public_id)
            IS DISTINCT FROM (OLD.draft, OLD.title, OLD.lab_id, OLD.public_id) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: the design of a frozen study is never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> NEW.state AND NOT (OLD.state || '>' || NEW.state) = ANY (ARRAY[
            'draft>frozen', 'frozen>open', 'open>paused', 'paused>open', 'open>closed', 'paused>closed',
            'closed>unblinded']) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_study refused: % does not become %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen_means_frozen BEFORE UPDATE OR DELETE ON studyapp_study
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_study();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON studyapp_study
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('studies are never emptied');
"""

# Items and explanations join a design only in the transaction that freezes it.
ADDITIONS = """
CREATE FUNCTION foretell_guard_addition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT s.state FROM studyapp_study s JOIN studyapp_frozendesign d ON d.study_id = s.id
            WHERE d.id = NEW.design_id) <> 'draft' THEN
        RAISE EXCEPTION 'INSERT into % refused: the design is frozen', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER frozen_means_frozen BEFORE INSERT ON studyapp_studyitem
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_addition();
CREATE TRIGGER frozen_means_frozen BEFORE INSERT ON studyapp_armexplanation
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_addition();
"""

# A ready explanation is what participants saw. While pending it may fail, be retried and become ready.
EXPLANATION = """
CREATE FUNCTION foretell_guard_explanation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'ready' AND (TG_OP = 'DELETE' OR
            (NEW.key, NEW.predictor_id, NEW.item_id, NEW.donor_id, NEW.explainer, NEW.params, NEW.seed, NEW.state,
             NEW.explained_class, NEW.form, NEW.diagnostics, NEW.computed_at)
            IS DISTINCT FROM
            (OLD.key, OLD.predictor_id, OLD.item_id, OLD.donor_id, OLD.explainer, OLD.params, OLD.seed, OLD.state,
             OLD.explained_class, OLD.form, OLD.diagnostics, OLD.computed_at)) THEN
        RAISE EXCEPTION '% of studyapp_explanation refused: a computed explanation is never changed', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER never_changed_once_ready BEFORE UPDATE OR DELETE ON studyapp_explanation
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_explanation();
"""

# One arm a person: once set, an enrolment's arm, study and order stay.
ENROLMENT = """
CREATE FUNCTION foretell_guard_enrolment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.study_id, NEW.stage_id, NEW.order_seed, NEW.code)
            IS DISTINCT FROM (OLD.study_id, OLD.stage_id, OLD.order_seed, OLD.code)
        OR (OLD.arm <> '' AND NEW.arm <> OLD.arm) OR NEW.position < OLD.position
        OR (OLD.state = 'withdrawn' AND NEW.state <> OLD.state) THEN
        RAISE EXCEPTION 'UPDATE of studyapp_enrolment refused: arm, order and stage of an enrolment are never changed'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER never_moved BEFORE UPDATE ON studyapp_enrolment
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_enrolment();
"""

# The chain is per study; the advisory lock keeps two transactions from continuing the same link of it.
# The text that is hashed is rebuilt by `manage.py verify_audit`.
AUDIT = """
CREATE FUNCTION foretell_audit_text(e studyapp_auditentry) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws(E'\\x1f', e.previous, coalesce(e.study_id, 0), coalesce(e.lab_id, 0),
        (extract(epoch FROM e.at) * 1000000)::bigint, e.actor, e.verb, e.what,
        coalesce(e.before::text, 'null'), coalesce(e.after::text, 'null'))
$$;
CREATE FUNCTION foretell_chain_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7061726, coalesce(NEW.study_id, 0)::int);
    NEW.id := nextval(pg_get_serial_sequence('studyapp_auditentry', 'id'));
    NEW.previous := coalesce((SELECT entry_sha256 FROM studyapp_auditentry
        WHERE study_id IS NOT DISTINCT FROM NEW.study_id ORDER BY id DESC LIMIT 1), '');
    NEW.entry_sha256 := encode(sha256(convert_to(foretell_audit_text(NEW), 'UTF8')), 'hex');
    RETURN NEW;
END $$;
CREATE TRIGGER chained BEFORE INSERT ON studyapp_auditentry
    FOR EACH ROW EXECUTE FUNCTION foretell_chain_audit();
"""

DROP = """
DROP TRIGGER frozen_means_frozen ON studyapp_study; DROP TRIGGER never_emptied ON studyapp_study;
DROP TRIGGER frozen_means_frozen ON studyapp_studyitem; DROP TRIGGER frozen_means_frozen ON studyapp_armexplanation;
DROP TRIGGER never_changed_once_ready ON studyapp_explanation; DROP TRIGGER never_moved ON studyapp_enrolment;
DROP TRIGGER chained ON studyapp_auditentry;
DROP FUNCTION foretell_guard_study; DROP FUNCTION foretell_guard_addition; DROP FUNCTION foretell_guard_explanation;
DROP FUNCTION foretell_guard_enrolment; DROP FUNCTION foretell_chain_audit; DROP FUNCTION foretell_audit_text;
"""


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0001_tables")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION foretell_refuse_change"),
        *(migrations.RunSQL(refuse(table, why), allow_again(table)) for table, why in NEVER_CHANGED.items()),
        migrations.RunSQL(STUDY + ADDITIONS + EXPLANATION + ENROLMENT + AUDIT, DROP),
    ]
