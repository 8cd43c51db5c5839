"""People's rights: versions of consent texts, erasure, retention."""

import base64
import hashlib
import hmac

import django.db.models.deletion
import django.db.models.functions
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

REFUSED = "USING ERRCODE = 'integrity_constraint_violation'"

# Version 1 of every study that is frozen already is its design's text, and everybody agreed to that one. Their consents
# may not be changed, so the guard steps aside for this one statement.
FIRST_TEXTS = """
INSERT INTO studyapp_consenttext
    (study_id, version, language, text, sha256, approval_number, reason, asks_again, created_at, created_by_id)
SELECT study_id, 1, document ->> 'language', document #>> '{texts,consent}',
    encode(sha256(convert_to(document #>> '{texts,consent}', 'UTF8')), 'hex'), '', '', false, frozen_at, frozen_by_id
FROM studyapp_frozendesign;
ALTER TABLE studyapp_consent DISABLE TRIGGER never_changed;
UPDATE studyapp_consent c SET text_id = t.id FROM studyapp_enrolment e, studyapp_consenttext t
    WHERE e.id = c.enrolment_id AND t.study_id = e.study_id AND t.sha256 = c.text_sha256;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE studyapp_consent ENABLE TRIGGER never_changed;
"""
# Panel ids of studies that closed before there were dates stay a month more, so that nobody goes unpaid.
GRACE = "UPDATE studyapp_study SET payment_until = current_date + 30 WHERE state IN ('closed', 'unblinded')"

# A hash stands for a text only where the database has checked it.
TEXTS = """
ALTER TABLE studyapp_consenttext ADD CONSTRAINT the_hash_is_the_texts
    CHECK (sha256 = encode(sha256(convert_to(text, 'UTF8')), 'hex'));
ALTER TABLE studyapp_consenttext ADD CONSTRAINT one_hash_per_text UNIQUE (id, sha256);
ALTER TABLE studyapp_consent ADD CONSTRAINT the_hash_agreed_to_is_the_texts
    FOREIGN KEY (text_id, text_sha256) REFERENCES studyapp_consenttext (id, sha256);
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_consenttext
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('a consent text is never changed');
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON studyapp_consenttext
    FOR EACH STATEMENT EXECUTE FUNCTION foretell_refuse_change('consent texts are never emptied');
"""
NO_TEXTS = """
DROP TRIGGER never_changed ON studyapp_consenttext; DROP TRIGGER never_emptied ON studyapp_consenttext;
ALTER TABLE studyapp_consent DROP CONSTRAINT the_hash_agreed_to_is_the_texts;
ALTER TABLE studyapp_consenttext DROP CONSTRAINT one_hash_per_text;
ALTER TABLE studyapp_consenttext DROP CONSTRAINT the_hash_is_the_texts;
"""

CONSENT_FIRST = f"""
CREATE FUNCTION foretell_guard_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM public.studyapp_consent WHERE enrolment_id = NEW.enrolment_id) THEN
        RAISE EXCEPTION 'INSERT into studyapp_response refused: nobody answers before they consent' {REFUSED};
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER consent_comes_first BEFORE INSERT ON studyapp_response
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_answer();
"""  # noqa: S608  (no value of anybody's goes into it)
NO_CONSENT_FIRST = "DROP TRIGGER consent_comes_first ON studyapp_response; DROP FUNCTION foretell_guard_answer;"

# The two ways out of "never changed": a row goes with its enrolment's erasure, in that transaction; and after the close
# the declared trail of an answer may be emptied, nothing else of it.
WAYS_OUT = f"""
CREATE FUNCTION foretell_refuse_but_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM public.studyapp_enrolment
            WHERE id = OLD.enrolment_id AND erased_at = transaction_timestamp()) THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'studyapp_response'
            AND to_jsonb(NEW) = to_jsonb(OLD) || '{{"trail": {{}}}}' AND EXISTS (
                SELECT 1 FROM public.studyapp_enrolment e JOIN public.studyapp_study s ON s.id = e.study_id
                WHERE e.id = OLD.enrolment_id AND s.state IN ('closed', 'unblinded')) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] {REFUSED};
END $$;
DROP TRIGGER never_changed ON studyapp_response;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_response
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_but_erasure('a response is never changed');
DROP TRIGGER never_changed ON studyapp_consent;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_consent
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_but_erasure('a consent is never changed');

DROP TRIGGER never_moved ON studyapp_enrolment;
CREATE TRIGGER never_moved BEFORE UPDATE ON studyapp_enrolment
    FOR EACH ROW WHEN (NEW.erased_at IS NULL) EXECUTE FUNCTION foretell_guard_enrolment();
CREATE FUNCTION foretell_guard_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR OLD.erased_at IS NOT NULL OR NEW.erased_at <> transaction_timestamp()
        OR (NEW.study_id, NEW.stage_id, NEW.state, NEW.arm) IS DISTINCT FROM
            (OLD.study_id, OLD.stage_id, OLD.state, OLD.arm)
        OR NOT (OLD.state = 'withdrawn' OR EXISTS (
            SELECT 1 FROM public.studyapp_study WHERE id = OLD.study_id AND state IN ('closed', 'unblinded'))) THEN
        RAISE EXCEPTION '% of studyapp_enrolment refused: only who withdrew is erased, once, and stays so', TG_OP
            {REFUSED};
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER erased_for_good BEFORE UPDATE ON studyapp_enrolment
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL OR OLD.erased_at IS NOT NULL)
    EXECUTE FUNCTION foretell_guard_tombstone();
CREATE TRIGGER not_born_erased BEFORE INSERT ON studyapp_enrolment
    FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION foretell_guard_tombstone();
"""  # noqa: S608  (no value of anybody's goes into it)
NO_WAYS_OUT = """
DROP TRIGGER never_changed ON studyapp_response;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_response
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('a response is never changed');
DROP TRIGGER never_changed ON studyapp_consent;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON studyapp_consent
    FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('a consent is never changed');
DROP TRIGGER erased_for_good ON studyapp_enrolment;
DROP TRIGGER not_born_erased ON studyapp_enrolment;
DROP TRIGGER never_moved ON studyapp_enrolment;
CREATE TRIGGER never_moved BEFORE UPDATE ON studyapp_enrolment
    FOR EACH ROW EXECUTE FUNCTION foretell_guard_enrolment();
DROP FUNCTION foretell_guard_tombstone; DROP FUNCTION foretell_refuse_but_erasure;
"""

# The one way to erase, for any role that may EXECUTE it. What it does not name is erased: every row of every table that
# points to the enrolment (but its assignment, which the allocation needs), and every column of the enrolment.
ERASE = f"""
CREATE FUNCTION foretell_delete_what_points_to(target regclass, key bigint, but regclass) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    pointer record;
    n bigint;
    gone jsonb := '{{}}';
BEGIN
    FOR pointer IN SELECT c.conrelid::regclass AS source, a.attname AS field
            FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f' AND c.confrelid = target AND c.conrelid <> but ORDER BY 1 LOOP
        EXECUTE format('DELETE FROM %s WHERE %I = $1', pointer.source, pointer.field) USING key;
        GET DIAGNOSTICS n = ROW_COUNT;
        gone := gone || jsonb_build_object(replace(pointer.source::text, 'studyapp_', ''), n);
    END LOOP;
    RETURN gone;
END $$;

CREATE FUNCTION foretell_blank_columns(target regclass, kept text[]) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(format('%I = %s', attname, CASE
        WHEN NOT attnotnull THEN 'NULL'
        WHEN atttypid = 'uuid'::regtype THEN 'gen_random_uuid()'
        WHEN atttypid = 'boolean'::regtype THEN 'false'
        WHEN atttypid = 'jsonb'::regtype THEN quote_literal('{{}}')
        WHEN atttypid IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype) THEN '0'
        ELSE quote_literal('') END), ', ')
    FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY (kept)
$$;

CREATE FUNCTION foretell_erase_enrolment(erased bigint, asked_by text) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    person studyapp_enrolment;
    gone jsonb;
BEGIN
    SELECT * INTO person FROM studyapp_enrolment WHERE id = erased FOR UPDATE;
    IF NOT FOUND OR person.erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'erasure refused: there is nobody to erase' {REFUSED};
    END IF;
    EXECUTE format($f$UPDATE studyapp_enrolment SET %s,
            erased_at = transaction_timestamp(), code = upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)),
            enrolled_at = date_trunc('day', enrolled_at), ended_at = date_trunc('day', ended_at)
            WHERE id = $1$f$,
        foretell_blank_columns('studyapp_enrolment', ARRAY['id', 'study_id', 'stage_id', 'state', 'arm',
            'erased_at', 'code', 'enrolled_at', 'ended_at'])) USING erased;
    gone := foretell_delete_what_points_to('studyapp_enrolment', erased, 'studyapp_assignment');
    IF NOT EXISTS (SELECT 1 FROM studyapp_enrolment WHERE participant_id = person.participant_id) THEN
        PERFORM foretell_delete_what_points_to('studyapp_participant', person.participant_id, 'studyapp_enrolment');
        DELETE FROM studyapp_participant WHERE id = person.participant_id;
    END IF;
    UPDATE studyapp_link SET label = '', expires_at = transaction_timestamp()
        WHERE id = person.link_id AND is_single_use;  -- such a link is somebody's name
    INSERT INTO studyapp_auditentry (study_id, lab_id, at, actor, verb, what, after, previous, entry_sha256)
        SELECT id, lab_id, clock_timestamp(), asked_by, 'erased', 'an enrolment', gone, '', '' FROM studyapp_study
        WHERE id = person.study_id;
    RETURN gone;
END $$;
REVOKE ALL ON FUNCTION foretell_erase_enrolment FROM PUBLIC;

CREATE FUNCTION foretell_empty_trails(of_study bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    n bigint;
BEGIN
    UPDATE studyapp_response SET trail = '{{}}' FROM studyapp_enrolment e
        WHERE e.id = enrolment_id AND e.study_id = of_study AND trail <> '{{}}';
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END $$;
REVOKE ALL ON FUNCTION foretell_empty_trails FROM PUBLIC;
"""  # noqa: S608  (no value of anybody's goes into it)
NO_ERASE = """
DROP FUNCTION foretell_empty_trails; DROP FUNCTION foretell_erase_enrolment;
DROP FUNCTION foretell_blank_columns; DROP FUNCTION foretell_delete_what_points_to;
"""

# Rows that are erased must not lie about as dead tuples: the four tables are swept soon after a deletion, by the
# database itself where no worker does it first.
SWEPT = ("studyapp_response", "studyapp_consent", "studyapp_panelidentity", "studyapp_participant")


def _sweep(setting: str) -> str:
    return "".join(f"ALTER TABLE {table} {setting};" for table in SWEPT)


def give_codes(apps, schema_editor):  # type: ignore[no-untyped-def]
    """The personal codes of people who came before there were any; derived, as studyapp.actions.data_code does."""
    Enrolment = apps.get_model("studyapp", "Enrolment")
    key = hashlib.sha256(f"foretell/data code/{settings.SECRET_KEY}".encode()).digest()
    for enrolment in Enrolment.objects.only("pk", "public_id").iterator(1000):
        digest = hmac.new(key, enrolment.public_id.bytes, "sha256").digest()
        code = base64.b32encode(digest).decode()[:20]
        Enrolment.objects.filter(pk=enrolment.pk).update(data_code_sha256=hashlib.sha256(code.encode()).hexdigest())


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0004_blindness")]

    operations = [
        migrations.CreateModel(
            name="ConsentText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField()),
                ("language", models.CharField(max_length=10)),
                ("text", models.TextField()),
                ("sha256", models.CharField(max_length=64)),
                ("approval_number", models.CharField(blank=True, max_length=100)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("asks_again", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                (
                    "created_by",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="consent_texts", to="studyapp.study"
                    ),
                ),
            ],
            options={
                "ordering": ["study", "version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["study", "version", "language"], name="one_consent_text_per_version"
                    ),
                    models.CheckConstraint(
                        condition=Q(version=1) | (Q(version__gt=1) & ~Q(reason="") & ~Q(approval_number="")),
                        name="an_amendment_has_a_reason_and_an_approval",
                    ),
                ],
            },
        ),
        migrations.AddField("study", "payment_until", models.DateField(null=True)),
        migrations.AddField("report", "outdated_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "consent",
            "enrolment",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="studyapp.enrolment"
            ),
        ),
        migrations.AddField(
            "consent",
            "text",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="consents",
                to="studyapp.consenttext",
            ),
        ),
        migrations.RunSQL(FIRST_TEXTS, migrations.RunSQL.noop),
        migrations.RunSQL(GRACE, migrations.RunSQL.noop),
        migrations.AlterField(
            "consent",
            "text",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="consents", to="studyapp.consenttext"
            ),
        ),
        migrations.AddConstraint(
            "consent",
            models.UniqueConstraint(fields=["enrolment", "text"], name="one_consent_per_person_and_version"),
        ),
        migrations.AlterField(
            "enrolment",
            "participant",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="enrolments",
                to="studyapp.participant",
            ),
        ),
        migrations.AlterField(
            "enrolment",
            "link",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="enrolments", to="studyapp.link"
            ),
        ),
        migrations.AddField("enrolment", "data_code_sha256", models.CharField(max_length=64, null=True, unique=True)),
        migrations.AddField("enrolment", "must_consent_again", models.BooleanField(default=False)),
        migrations.AddField("enrolment", "erased_at", models.DateTimeField(null=True)),
        migrations.RunPython(give_codes, migrations.RunPython.noop),
        migrations.AddConstraint(
            "enrolment",
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True, participant__isnull=False, link__isnull=False)
                | Q(
                    erased_at__isnull=False,
                    participant__isnull=True,
                    link__isnull=True,
                    data_code_sha256__isnull=True,
                ),
                name="an_erased_enrolment_names_nobody",
            ),
        ),
        migrations.RunSQL(TEXTS, NO_TEXTS),
        migrations.RunSQL(CONSENT_FIRST, NO_CONSENT_FIRST),
        migrations.RunSQL(WAYS_OUT, NO_WAYS_OUT),
        migrations.RunSQL(ERASE, NO_ERASE),
        migrations.RunSQL(
            _sweep("SET (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)"),
            _sweep("RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)"),
        ),
    ]
