"""Promise 22: a frozen study cannot change, column by column, whichever way somebody comes."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import psycopg2
import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from studyapp.actions import lifecycle
from studyapp.actions.enrol import decline
from studyapp.actions.freeze import freeze
from studyapp.actions.studies import duplicate_study, edit_draft
from studyapp.design.schema import parse_design
from studyapp.embedded.postgres import APP_ROLE
from studyapp.errors import DesignRefused, WrongState
from studyapp.models import (
    ArmExplanation,
    Assignment,
    AuditEntry,
    Consent,
    Dataset,
    Decline,
    Explanation,
    ExplanationUpload,
    FrozenDesign,
    Item,
    Lab,
    Link,
    Output,
    Perturbation,
    Predictor,
    Response,
    Seal,
    Stage,
    Stratum,
    Study,
    StudyItem,
    UnblindingAnswer,
    UnblindingRequest,
    UploadedExplanation,
    User,
)
from tests import factories
from tests.promises.ledger import Reached
from tests.studyapp.actions.test_imports import bring
from tests.studyapp.actions.test_whole_run import arrive, run_through

# What of a table may move; every other column is frozen. A column that somebody adds is frozen until it stands here.
MAY_MOVE: Mapping[type[models.Model], set[str]] = {
    FrozenDesign: set(),
    StudyItem: set(),
    ArmExplanation: set(),
    Seal: set(),
    Response: set(),
    Consent: set(),
    Decline: set(),
    Assignment: set(),
    AuditEntry: set(),
    UnblindingRequest: set(),
    UnblindingAnswer: set(),
    Item: set(),
    Perturbation: set(),
    Output: set(),
    ExplanationUpload: set(),
    UploadedExplanation: set(),
    Dataset: set(),
    Explanation: {"job_id"},
    Predictor: {"is_current"},
    Stage: {"allocated"},
    Stratum: {"next_sequence", "last_block", "last_block_start"},
    Study: {"state", "payment_until"},
}


@pytest.fixture
def study(db: None) -> Study:
    """A study with something in every table, closed and unblinded."""
    bring(factories.make_draft())  # before, since the first row of studies is the newest
    made = factories.make_open(document=factories.small_document(template="counterfactual"))
    for number in range(2):
        run_through(arrive(made, f"pid-{number}"))
    decline(link=factories.main_link(made))
    lifecycle.close_study(study=made, actor=factories.owner_of(made.lab))
    return factories.unblind(made)


def row_of(model: type[models.Model]) -> models.Model:
    """A row of the table, the fullest there is."""
    rows = model._default_manager.all()
    if model in {StudyItem, Output}:
        rows = rows.exclude(perturbation=None)
    if model is AuditEntry:
        rows = rows.exclude(before=None)
    row = rows.first()
    assert row is not None, model
    return row


def another(field: models.Field, value: object) -> object:  # type: ignore[type-arg]
    """A value of the same type that is not this one."""
    match value:
        case None:
            return None if field.null else 1
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return ("x" if value[:1] != "x" else "y") + value[1:]
        case uuid.UUID():
            return uuid.uuid4()
        case bytes() | memoryview():
            return b"another"
        case dict() | list():
            return {"another": "value"}
    return value + timedelta(seconds=1)  # type: ignore[operator]


def ways(row: models.Model, field: models.Field, value: object) -> Iterator[tuple[str, Callable[[], object]]]:  # type: ignore[type-arg]
    """Every way to put another value into a column of a row."""
    model, table, column = type(row), row._meta.db_table, field.column
    manager = model._default_manager
    prepared = field.get_db_prep_save(value, connection)
    yield "update", lambda: manager.filter(pk=row.pk).update(**{field.attname: value})
    yield "raw UPDATE", lambda: execute(f'UPDATE {table} SET "{column}" = %s WHERE id = %s', prepared, row.pk)
    merge = f'MERGE INTO {table} t USING (SELECT %s AS k) s ON t.id = s.k WHEN MATCHED THEN UPDATE SET "{column}" = %s'
    yield "MERGE", lambda: execute(merge, row.pk, prepared)
    if field.primary_key:
        return
    changed = model._default_manager.get(pk=row.pk)
    setattr(changed, field.attname, value)
    yield "save", changed.save
    yield "save of a column", lambda: changed.save(update_fields=[field.name])
    yield "bulk_update", lambda: manager.bulk_update([changed], [field.name])
    yield (
        "ON CONFLICT DO UPDATE",
        lambda: manager.bulk_create([changed], update_conflicts=True, unique_fields=["id"], update_fields=[field.name]),
    )


def execute(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def is_refused(change: Callable[[], object]) -> bool:
    """Whether the database itself refuses a change, at once or when the transaction would end; undone either way."""
    try:
        with transaction.atomic():
            change()
            execute("SET CONSTRAINTS ALL IMMEDIATE")
            execute("SET CONSTRAINTS ALL DEFERRED")
            transaction.set_rollback(True)
    except (IntegrityError, ProtectedError, psycopg2.IntegrityError):
        return True
    return False


def is_kept(row: models.Model, change: Callable[[], object]) -> bool:
    """Whether a row is as it was after somebody tried to change it."""
    kept: list[object] = []

    def look_afterwards() -> None:
        change()
        kept.extend(type(row)._default_manager.filter(pk=row.pk).values())

    before = list(type(row)._default_manager.filter(pk=row.pk).values())
    return is_refused(look_afterwards) or kept == before


def let_through(model: type[models.Model], movable: set[str]) -> tuple[list[str], int]:
    """The ways by which a frozen column of the table can be changed, and how many were tried."""
    row, through, tried = row_of(model), [], 0
    for field in model._meta.concrete_fields:
        value = another(field, getattr(row, field.attname))
        if field.attname in movable or value is None:
            continue
        for name, change in ways(row, field, value):
            tried += 1
            if not is_kept(row, change):
                through.append(f"{model.__name__}.{field.attname} by {name}")
    return through, tried


@pytest.mark.promise(22)
@pytest.mark.django_db
def test_no_frozen_column_changes_whichever_way(study: Study, reached: Reached) -> None:
    found = {model: let_through(model, movable) for model, movable in MAY_MOVE.items()}

    assert [way for through, _ in found.values() for way in through] == []
    tried = sum(n for _, n in found.values())
    reached(f"{tried:,} of {tried:,} changes of every column of {len(found)} tables refused")


@pytest.mark.promise(22)
@pytest.mark.django_db
def test_no_row_of_a_frozen_study_goes_or_joins_whichever_way(study: Study, reached: Reached) -> None:
    through, tried = [], 0
    for model in MAY_MOVE:
        row, table = row_of(model), model._meta.db_table
        for name, change in {
            "delete": row.delete,
            "raw delete": lambda m=model, r=row: m._default_manager.filter(pk=r.pk)._raw_delete("default"),
            "raw DELETE": lambda t=table: execute(f"DELETE FROM {t}"),
            "TRUNCATE": lambda t=table: execute(f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {t} CASCADE"),
        }.items():
            tried += 1
            if not is_refused(change):
                through.append(f"{model.__name__} by {name}")
    for model in (StudyItem, ArmExplanation):
        tried += 1
        if not is_refused(lambda m=model: copied_in(row_of(m))):
            through.append(f"{model.__name__} by COPY")

    assert through == []
    reached(f"{tried} of {tried} deletions and additions refused")


def copied_in(row: models.Model) -> None:
    """Another row like this one, by COPY, which passes by everything but triggers."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    values = [getattr(row, field.attname) for field in fields]
    text = "\t".join(
        "\\N" if value is None else f"z{value[1:]}" if isinstance(value, str) else str(value) for value in values
    )
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {row._meta.db_table} ({columns}) FROM STDIN", io.StringIO(text + "\n"))


@pytest.mark.promise(22)
@pytest.mark.django_db
def test_nothing_that_a_frozen_study_rests_on_can_be_taken_away_or_swapped(study: Study, reached: Reached) -> None:
    clone = duplicate_study(study=study, actor=factories.owner_of(study.lab))
    freeze(study=clone, actor=factories.owner_of(study.lab))
    one, two = StudyItem.objects.filter(design=study.frozen)[:2]
    deeds: dict[str, Callable[[], object]] = {
        "delete the lab": lambda: execute("DELETE FROM studyapp_lab WHERE id = %s", study.lab_id),
        "delete the lab by the model": Lab.objects.get(pk=study.lab_id).delete,
        "delete who froze it": User.objects.get(pk=study.frozen.frozen_by_id).delete,
        "delete the data set": Dataset.objects.get().delete,
        "delete an item": Item.objects.get(pk=one.item_id).delete,
        "delete a predictor": lambda: execute("DELETE FROM studyapp_predictor"),
        "delete a link": factories.main_link(study).delete,
        "give it to another lab": lambda: Study.objects.filter(pk=study.pk).update(lab=factories.make_lab()),
        "swap it with its clone": lambda: swap("studyapp_study", study.pk, clone.pk),
        "swap the designs": lambda: swap("studyapp_frozendesign", study.frozen.pk, clone.frozen.pk),
        "swap two items": lambda: swap("studyapp_studyitem", one.pk, two.pk),
        "swap two explanations": lambda: swap(
            "studyapp_explanation", *Explanation.objects.order_by("pk").values_list("pk", flat=True)[:2]
        ),
        "swap two people": lambda: swap(
            "studyapp_enrolment", *Assignment.objects.values_list("enrolment_id", flat=True)[:2]
        ),
        "point a link elsewhere": lambda: Link.objects.update(stage=clone.stages.get()),
        "begin a study unblinded": lambda: Study.objects.create(lab=study.lab, title="x", draft={}, state="unblinded"),
        "move it without an entry": lambda: Study.objects.filter(pk=clone.pk).update(state="open"),
    }
    connection.check_constraints()
    execute("UPDATE studyapp_audithead SET transaction = 0")  # what follows is a transaction of its own

    assert [deed for deed, change in deeds.items() if not is_refused(change)] == []
    reached(f"{len(deeds)} of {len(deeds)} refused: {', '.join(deeds)}")


def swap(table: str, one: int, two: int) -> None:
    for new, old in ((-1, one), (one, two), (two, -1)):
        execute(f"UPDATE {table} SET id = %s WHERE id = %s", new, old)


@pytest.mark.promise(22)
@pytest.mark.django_db
def test_no_form_changes_a_frozen_design(study: Study, reached: Reached) -> None:
    client = Client()
    client.force_login(factories.owner_of(study.lab))
    before = Study.objects.values_list("draft", "title").get(pk=study.pk)
    other = factories.small_document(title="Other")

    for name in ("design", "design_json", "freeze", "compute_ahead"):
        client.post(reverse(name, args=[study.public_id]), {"text": str(other), "title": "Other"})
    with pytest.raises(WrongState):
        edit_draft(study=study, document=other, actor=factories.owner_of(study.lab))

    assert Study.objects.values_list("draft", "title").get(pk=study.pk) == before
    reached("4 forms and the action itself change nothing; the admin does not exist")


@pytest.mark.promise(22)
@pytest.mark.django_db
def test_the_application_can_neither_switch_off_the_guards_nor_reach_around_them(reached: Reached) -> None:
    tables = [model._meta.db_table for model in MAY_MOVE]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
        guards = [f"DROP TRIGGER {name} ON {table}" for name, table in cursor.fetchall()]
    statements = [*guards, *(statement.format(t=table) for table in tables for statement in AROUND), *AROUND_ALL]
    allowed = tried_as_application(statements)

    assert allowed == []
    n = len(statements)
    reached(f"{n} of {n} statements of the application's role refused, {len(guards)} of them to drop a guard")


AROUND = (
    "TRUNCATE {t} CASCADE",
    "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} DISABLE TRIGGER USER",
    "CREATE TRIGGER mine BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION foretell_refuse_change('x')",
    "CREATE RULE mine AS ON UPDATE TO {t} DO INSTEAD NOTHING",
    "ALTER TABLE {t} ADD COLUMN mine text",
    "ALTER TABLE {t} OWNER TO current_user",
    "DROP TABLE {t} CASCADE",
    "DELETE FROM {t}",
)
AROUND_ALL = (
    "SET session_replication_role = replica",
    "ALTER ROLE current_user SUPERUSER",
    "CREATE ROLE another SUPERUSER",
    "SET ROLE foretell",
    "CREATE TABLE public.mine (id int)",
    "CREATE OR REPLACE FUNCTION foretell_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
    "DROP FUNCTION foretell_refuse_change() CASCADE",
    "UPDATE studyapp_auditentry SET actor = 'nobody'",
    "UPDATE studyapp_audithead SET n_entries = 0",
    "UPDATE studyapp_response SET answer = '{}'",
    "UPDATE studyapp_assignment SET arm = 'x'",
    "UPDATE studyapp_consent SET language = 'xx'",
    "UPDATE pg_trigger SET tgenabled = 'D'",
    "SET LOCAL search_path = pg_temp; ALTER FUNCTION public.foretell_chain_audit() SECURITY INVOKER",
)


def tried_as_application(statements: list[str]) -> list[str]:
    """The statements that the application's role may run; each in a transaction that is rolled back."""
    to = connection.settings_dict
    link = psycopg2.connect(host=to["HOST"], port=to["PORT"] or None, dbname=to["NAME"], user=APP_ROLE)
    allowed = []
    try:
        for statement in statements:
            with link.cursor() as cursor:
                try:
                    cursor.execute("SET LOCAL lock_timeout = '2s'")
                    cursor.execute(statement)
                    allowed.append(statement)
                except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.IntegrityError):
                    pass
            link.rollback()
    finally:
        link.close()
    return allowed


@pytest.mark.django_db(transaction=True)
def test_freezing_twice_at_once_and_editing_meanwhile_leaves_one_whole_design() -> None:
    study = factories.make_draft()
    actor, edited = factories.owner_of(study.lab), factories.small_document(title="Edited", seed=2)
    start, said = threading.Barrier(3), []

    def at_once(deed: Callable[[], object]) -> None:
        start.wait()
        try:
            deed()
            said.append("done")
        except (WrongState, DesignRefused):
            said.append("refused")
        finally:
            connection.close()

    deeds = [lambda: freeze(study=study, actor=actor)] * 2
    deeds.append(lambda: edit_draft(study=study, document=edited, actor=actor))  # type: ignore[arg-type]
    threads = [threading.Thread(target=at_once, args=[deed]) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    frozen = FrozenDesign.objects.get(study=study)
    study.refresh_from_db()
    assert sorted(said) in (["done", "done", "refused"], ["done", "refused", "refused"])
    assert frozen.document == study.draft
    assert frozen.sha256 == parse_design(study.draft).sha256()
    assert StudyItem.objects.filter(design=frozen).count() == 12
    assert AuditEntry.objects.filter(study=study, verb="froze").count() == 1


@pytest.mark.control(22, "the check in save() only")
@pytest.mark.django_db
def test_a_check_in_save_lets_every_other_way_through(
    study: Study, monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    def refuse(self: models.Model, *args: object, **options: object) -> None:
        raise IntegrityError("refused: never changed")

    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE studyapp_consent DISABLE TRIGGER USER")
    monkeypatch.setattr(Consent, "save", refuse)

    through, tried = let_through(Consent, set())

    assert {way.rpartition(" by ")[2] for way in through} == {
        "update", "raw UPDATE", "MERGE", "bulk_update", "ON CONFLICT DO UPDATE"
    }  # fmt: skip
    assert not any(way.endswith("by save") for way in through)
    reached(f"{len(through)} of {tried} changes of a consent go through")
