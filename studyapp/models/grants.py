"""What the application's database role may do: read and write rows where the application does, and nothing else.

The tables belong to another role, which migrates. So the application cannot switch off a trigger, empty a table or
rewrite the trail, whatever statement somebody smuggles into it. A test names every table that is not listed here.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, transaction
from psycopg2 import sql

READ = ("SELECT",)
ONCE = ("SELECT", "INSERT")  # written once, never changed
KEPT = ("SELECT", "INSERT", "UPDATE")  # changes as its triggers allow, never goes
FREE = ("SELECT", "INSERT", "UPDATE", "DELETE")
SWEPT = ("MAINTAIN",)  # vacuumed after an erasure (actions/erasure.py)

RIGHTS: Mapping[str, tuple[str, ...]] = {
    "account_emailaddress": FREE,
    "account_emailconfirmation": FREE,
    "auth_group": READ,
    "auth_group_permissions": READ,
    "auth_permission": READ,
    "django_content_type": READ,
    "django_migrations": READ,
    "django_session": FREE,
    "mfa_authenticator": FREE,
    "studyapp_armexplanation": ONCE,
    "studyapp_armmeasures": ONCE,
    "studyapp_arrivalkeys": FREE,
    "studyapp_assignment": ONCE,
    "studyapp_auditentry": ONCE,
    "studyapp_audithead": READ,
    "studyapp_consent": (*ONCE, *SWEPT),
    "studyapp_consenttext": ONCE,
    "studyapp_consolesession": FREE,
    "studyapp_dataset": ONCE,
    "studyapp_decline": ONCE,
    "studyapp_enrolment": (*KEPT, *SWEPT),
    "studyapp_evidence": (*FREE, *SWEPT),
    "studyapp_explanation": KEPT,
    "studyapp_explanationupload": ONCE,
    "studyapp_frozendesign": ONCE,
    "studyapp_guesslimit": FREE,
    "studyapp_heartbeat": FREE,
    "studyapp_interimlook": KEPT,
    "studyapp_invitation": FREE,
    "studyapp_item": ONCE,
    "studyapp_job": FREE,
    "studyapp_lab": KEPT,
    "studyapp_link": KEPT,
    "studyapp_membership": FREE,
    "studyapp_output": ONCE,
    "studyapp_panelidentity": (*FREE, *SWEPT),
    "studyapp_participant": (*KEPT, *SWEPT),
    "studyapp_perturbation": ONCE,
    "studyapp_powerrun": KEPT,
    "studyapp_predictor": KEPT,
    "studyapp_qualitycheck": FREE,
    "studyapp_report": KEPT,
    "studyapp_response": (*ONCE, *SWEPT),
    "studyapp_seal": ONCE,
    "studyapp_signinlink": FREE,
    "studyapp_stage": KEPT,
    "studyapp_stratum": KEPT,
    "studyapp_study": KEPT,
    "studyapp_studyitem": ONCE,
    "studyapp_unblindinganswer": ONCE,
    "studyapp_unblindingrequest": ONCE,
    "studyapp_uploadedexplanation": ONCE,
    "studyapp_user": KEPT,
}

# Functions of the owner that the application calls for what it may not do itself.
FUNCTIONS = ("foretell_erase_enrolment", "foretell_empty_trails")

OURS = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
"""


@transaction.atomic
def grant_rights(role: str) -> list[str]:
    """Give a role what the application needs and take away the rest; safe to repeat. Returns the unlisted tables.

    Call it as the tables' owner. An unlisted table gets no rights at all.
    """
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        for statement in (
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
            "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",  # a backup reads where they are
        ):
            cursor.execute(sql.SQL(statement).format(role=name))
        cursor.execute(OURS)
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            for rights in filter(None, [RIGHTS.get(table)]):
                grant = sql.SQL("GRANT {rights} ON {table} TO {role}")
                cursor.execute(grant.format(rights=sql.SQL(", ".join(rights)), table=sql.Identifier(table), role=name))
        cursor.execute("SELECT oid::regprocedure::text FROM pg_proc WHERE proname = ANY (%s)", [list(FUNCTIONS)])
        for (function,) in cursor.fetchall():
            cursor.execute(sql.SQL(f"GRANT EXECUTE ON FUNCTION {function} TO {{role}}").format(role=name))
    return [table for table in tables if table not in RIGHTS]


def role_exists(role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        (found,) = cursor.fetchone()
    return bool(found)


EXCESS = """
SELECT CASE WHEN r.rolsuper THEN 'it is a superuser' END,
    CASE WHEN r.rolcreaterole THEN 'it may make roles' END,
    CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
        AND pg_has_role(r.oid, c.relowner, 'MEMBER')) THEN 'tables belong to it' END,
    CASE WHEN to_regclass('public.studyapp_auditentry') IS NOT NULL AND has_table_privilege(
        'public.studyapp_auditentry', 'UPDATE, DELETE, TRUNCATE, TRIGGER') THEN 'it may rewrite the audit trail' END
FROM pg_roles r WHERE r.rolname = current_user
"""


def excess_rights() -> list[str]:
    """What the role of this connection may do that the application never should; empty where all is well."""
    with connection.cursor() as cursor:
        cursor.execute(EXCESS)
        return [reason for reason in cursor.fetchone() if reason]
