"""The database's statistics of tables keep values of single rows; people's own values stay out of them.

ANALYZE copies the commonest values and the bounds of a histogram into a catalogue of the server, where an erasure
(0005) does not reach. Of the tables with rows of a person it now looks only at columns that say nothing of anybody:
numbers of rows, where somebody is in a study, and yes or no. The rest are found by unique indexes or not searched.
"""

from django.db import migrations

TABLES = (
    "studyapp_participant",
    "studyapp_enrolment",
    "studyapp_panelidentity",
    "studyapp_consent",
    "studyapp_response",
    "studyapp_evidence",
)

# Setting a column's type anew, to what it is, is the one way to drop its statistics that needs no superuser.
WITHOUT_STATISTICS = f"""
DO $$
DECLARE
    own record;
BEGIN
    FOR own IN SELECT attrelid::regclass AS source, attname AS field, format_type(atttypid, atttypmod) AS kind
            FROM pg_attribute WHERE attrelid = ANY ('{{{",".join(TABLES)}}}'::regclass[])
            AND attnum > 0 AND NOT attisdropped AND atttypid <> 'boolean'::regtype
            AND attname <> ALL ('{{id,state,arm,position,attempt,erased_at}}')
            AND (attname !~ '_id$' OR attname = 'public_id') LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s, ALTER COLUMN %I SET STATISTICS 0',
            own.source, own.field, own.kind, own.field);
    END LOOP;
END $$;
ALTER TABLE studyapp_link ALTER COLUMN label TYPE varchar(100), ALTER COLUMN label SET STATISTICS 0;  -- may be a name
"""  # noqa: S608  (no value of anybody's goes into it)


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0008_power")]

    operations = [migrations.RunSQL(WITHOUT_STATISTICS, migrations.RunSQL.noop)]
