"""Promise 34: no answer before consent, and every answer belongs to a text that the database holds to its hash."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from studyapp.actions.consent_texts import amend_consent
from studyapp.models import Consent, ConsentText, Enrolment, Link, Response, Study
from tests import factories
from tests.journeys.walking import arrive
from tests.promises import traces
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

AMENDED = "We also keep how often you change an answer."
# Each answer with the consent before it, and the text to which its hash is the database's own.
JOINED = """
SELECT count(*), count(t.id), count(*) FILTER (WHERE r.received_at < c.consented_at)
FROM studyapp_response r
LEFT JOIN LATERAL (SELECT * FROM studyapp_consent WHERE enrolment_id = r.enrolment_id ORDER BY id LIMIT 1) c ON true
LEFT JOIN studyapp_consenttext t ON t.id = c.text_id AND t.sha256 = c.text_sha256
    AND c.text_sha256 = encode(sha256(convert_to(t.text, 'UTF8')), 'hex')
"""


@dataclass(frozen=True)
class Provable:
    """Answers, those that join a consent to a text with its hash, and those from before their consent."""

    answers: int
    proved: int
    before: int

    @property
    def holds(self) -> bool:
        return self.answers == self.proved > 0 and self.before == 0


def provable() -> Provable:
    with connection.cursor() as cursor:
        cursor.execute(JOINED)
        return Provable(*cursor.fetchone())


def amend(study: Study, *, asks_again: bool) -> ConsentText:
    return amend_consent(
        study=study,
        text=f"{AMENDED} {secrets.token_hex(4)}",
        reason="We learned that changes matter.",
        approval_number="EB 2026/7a",
        asks_again=asks_again,
        actor=factories.owner_of(study.lab),
    )


def people(link: Link, n: int) -> None:
    for _ in range(n):
        arrive(link).walk(lambda enrolment: enrolment.position >= 8)


@pytest.mark.promise(34)
def test_every_answer_joins_a_consent_to_a_text_with_its_hash(reached: Reached) -> None:
    study = factories.make_open()
    link, n = factories.main_link(study), scale(full=40, quick=3)
    people(link, n)
    under_way = arrive(link)
    amend(study, asks_again=True)
    people(link, n)
    asked = under_way.look()
    assert AMENDED in asked.content.decode()
    under_way.client.post(f"{under_way.run}consent/", {"version": "2"})
    under_way.walk(lambda enrolment: enrolment.position >= 4)

    found = provable()

    assert found.holds
    versions = set(Consent.objects.values_list("text__version", flat=True))
    assert versions == {1, 2}
    told = f"{found.proved} of {found.answers} answers of {2 * n + 1} people"
    reached(f"{told}, {len(versions)} versions; {found.before} before")


@pytest.mark.promise(34)
def test_an_answer_without_a_consent_is_refused_whichever_way(reached: Reached) -> None:
    study = factories.make_open()
    link = factories.main_link(study)
    known = arrive(link).enrolment()
    nobody = Enrolment.objects.create(
        study=study,
        participant=known.participant.lab.participants.create(pseudonym="x" * 64),
        stage=link.stage,
        link=link,
        code="NOCONSENT",
        order_seed=1,
        enrolled_at=timezone.now(),
    )
    answer = {"enrolment": nobody, "position": 0, "answer": {}, "body_sha256": "", "received_at": timezone.now()}
    columns = "key, enrolment_id, position, attempt, answer, body_sha256, trail, received_at"
    ways = {
        "save": lambda: Response(key=factories.new_key(), **answer).save(),
        "create": lambda: Response.objects.create(key=factories.new_key(), **answer),
        "bulk": lambda: Response.objects.bulk_create([Response(key=factories.new_key(), **answer)]),
        "raw SQL": lambda: connection.cursor().execute(
            f"INSERT INTO studyapp_response ({columns}) VALUES (gen_random_uuid(), %s, 0, 1, '1', '', '{{}}', now())",
            [nobody.pk],
        ),
    }

    refused = [name for name, write in ways.items() if is_refused(write)]

    assert refused == list(ways)
    assert not Response.objects.exists()
    reached(f"{len(refused)} of {len(ways)} ways to write an answer without a consent refused")


def is_refused(write: Callable[[], object]) -> bool:
    try:
        with transaction.atomic():
            write()
    except (IntegrityError, ProtectedError):
        return True
    return False


@pytest.mark.promise(34)
def test_a_text_that_is_not_what_its_hash_says_cannot_be_written(reached: Reached) -> None:
    study = factories.make_open()
    consent = Consent.objects.get(enrolment=arrive(factories.main_link(study)).enrolment())
    text = consent.text
    forged = {"study": study, "version": 2, "language": "en", "reason": "r", "approval_number": "a"}
    ways = {
        "another text": lambda: ConsentText.objects.filter(pk=text.pk).update(text="other"),
        "a wrong hash": lambda: ConsentText.objects.create(
            **forged, text="other", sha256=text.sha256, created_at=timezone.now()
        ),
        "no text": lambda: ConsentText.objects.filter(pk=text.pk).delete(),
        "another's hash": lambda: Consent.objects.filter(pk=consent.pk).update(text_sha256="0" * 64),
        "no reason": lambda: ConsentText.objects.create(
            study=study, version=2, language="en", text="t", sha256=traces.sha256("t"), created_at=timezone.now()
        ),
    }

    refused = [name for name, write in ways.items() if is_refused(write)]

    assert refused == list(ways)
    reached(f"{len(refused)} of {len(ways)} forgeries of a text or its hash refused")


@pytest.mark.control(34, "a boolean column")
@pytest.mark.django_db(transaction=True)
def test_a_boolean_proves_nothing(reached: Reached) -> None:
    study = factories.make_open()
    people(factories.main_link(study), 2)
    traces.as_superuser(
        "ALTER TABLE studyapp_enrolment ADD COLUMN has_consented boolean NOT NULL DEFAULT true",
        "CREATE TABLE put_aside AS TABLE studyapp_consent",
        "ALTER TABLE studyapp_consent DISABLE TRIGGER USER",
        "DELETE FROM studyapp_consent",
    )
    try:
        found = provable()
    finally:
        traces.as_superuser(
            "INSERT INTO studyapp_consent TABLE put_aside",
            "DROP TABLE put_aside",
            "ALTER TABLE studyapp_consent ENABLE TRIGGER USER",
            "ALTER TABLE studyapp_enrolment DROP COLUMN has_consented",
        )

    assert not found.holds
    reached(f"{found.proved} of {found.answers} answers can be proved when a boolean is all that is kept")
