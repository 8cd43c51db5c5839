"""Signed links: who is proven, who is marked, who is refused calmly; and that nothing of a signature is kept."""

from __future__ import annotations

import hmac
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client

from studyapp.actions.arrival_keys import KeySetRefused, keep_panel_keys, make_secret
from studyapp.actions.links import add_link
from studyapp.actions.payments import identity_of
from studyapp.actions.signatures import own_signature
from studyapp.models import AuditEntry, Enrolment, Evidence, Link, Stage
from studyapp.views.console.quality import RECIPE
from tests import factories
from tests.studyapp.actions.signing import HOST, PID, STUDY, b64, claims, key_set, number, rsa_key, token

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(settings) -> Link:
    """A link of an open study whose lab trusts the panel's keys."""
    settings.BASE_URL = HOST
    study = factories.make_open()
    keep_panel_keys(lab=study.lab, text=json.dumps(key_set()), actor=factories.owner_of(study.lab))
    return add_link(Stage.objects.get(study=study), panel_study=STUDY)


def look(link: Link, **query: str):
    return Client().get(f"/join/{link.token}/", query)


def consent(link: Link, client: Client | None = None, **query: str):
    """Open the link and agree, as a browser does."""
    client = client or Client()
    page = client.get(f"/join/{link.token}/", query)
    if page.status_code != 200:
        return page
    carried = page.content.decode().split('name="arrival" value="')[1].split('"')[0]
    form = {"arrival": carried, "decision": "consent", "version": "1"}
    return client.post(f"/join/{link.token}/", form)


def proofs() -> list[str]:
    return list(Evidence.objects.order_by("pk").values_list("proof", flat=True))


@pytest.mark.parametrize(("kid", "alg", "sign"), [("r1", "RS256", "rsa"), ("e1", "ES256", "ec")])
def test_a_link_that_the_panel_signed_proves_who_comes(link, kid, alg, sign):
    query = {"PROLIFIC_PID": PID, "STUDY_ID": STUDY, "prolific_token": token(kid=kid, alg=alg, sign=sign)}

    assert consent(link, **query).status_code == 303

    assert proofs() == ["signed"]
    kept = identity_of(Enrolment.objects.get())
    assert kept["parameters"] == {"PROLIFIC_PID": PID, "STUDY_ID": STUDY}  # the token has done its work


def test_the_token_alone_names_the_person(link):
    assert consent(link, prolific_token=token()).status_code == 303
    assert identity_of(Enrolment.objects.get())["parameters"] == {"PROLIFIC_PID": PID}


@pytest.mark.parametrize("audience", [HOST, "127.0.0.1:8000", f"{HOST}/", ["https://elsewhere.example", HOST]])
def test_an_audience_is_a_host_however_it_is_written(link, audience):
    assert look(link, prolific_token=token(claims(aud=audience))).status_code == 200


def other_keys_token() -> str:
    """Signed by somebody else under the panel's name of a key."""
    signed = token().rpartition(".")[0]
    stranger = rsa.generate_private_key(65537, 2048)
    return f"{signed}.{b64(stranger.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def public_key_as_secret() -> str:
    """HS256 with the public key's own number as the secret: the classic confusion of methods."""
    signed = token(alg="HS256").rpartition(".")[0]
    secret = number(rsa_key().public_key().public_numbers().n).encode()
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


FORGED = {
    "no method": lambda: token(alg="none", sign="none"),
    "no method, no signature": lambda: token(alg="none").rpartition(".")[0] + ".",
    "another method": lambda: token(alg="RS512"),
    "the public key as a secret": public_key_as_secret,
    "a key used for another type": lambda: token(kid="r1", alg="ES256", sign="ec"),
    "a key nobody knows": lambda: token(kid="r2"),
    "somebody else's key": other_keys_token,
    "expired": lambda: token(claims(exp=time.time() - 3600)),
    "without an end": lambda: token(claims(exp=None)),
    "an end that is no number": lambda: token(claims(exp="tomorrow")),
    "an end that is true": lambda: token(claims(exp=True)),
    "not valid yet": lambda: token(claims(nbf=time.time() + 3600)),
    "another site": lambda: token(claims(aud="https://elsewhere.example")),
    "no site": lambda: token(claims(aud=None)),
    "another study": lambda: token(claims(prolific={"PROLIFIC_PID": PID, "STUDY_ID": "64aa"})),
    "nobody": lambda: token(claims(prolific={"STUDY_ID": STUDY})),
    "somebody else": lambda: token(claims(prolific={"PROLIFIC_PID": "f" * 24, "STUDY_ID": STUDY})),
    "a person that is a list": lambda: token(claims(prolific={"PROLIFIC_PID": [PID], "STUDY_ID": STUDY})),
    "claims that are a text": lambda: token(claims(prolific="x")),
    "one letter more": lambda: token() + "A",
    "cut short": lambda: token()[:-4],
    "four parts": lambda: token() + ".x",
    "no token": lambda: "null",
    "nothing": lambda: "",
    "endless": lambda: "a" * 9000,
    "nested without end": lambda: f"{b64(b'[' * 3000)}.e30.e30",
}


def test_a_signature_that_does_not_hold_is_refused_calmly_and_changes_nothing(link, caplog):
    before = AuditEntry.objects.count()

    pages = {name: look(link, PROLIFIC_PID=PID, prolific_token=make()) for name, make in FORGED.items()}

    calm = "Open the study again from the page that invited you"
    assert {
        name for name, page in pages.items() if page.status_code != 403 or calm not in page.content.decode()
    } == set()
    assert (Enrolment.objects.count(), AuditEntry.objects.count()) == (0, before)
    assert PID not in caplog.text


def test_without_a_signature_people_are_let_in_and_marked(link):
    assert consent(link, PROLIFIC_PID=PID).status_code == 303
    assert proofs() == ["unverified"]


def test_a_link_that_asks_for_signatures_lets_nobody_in_without_one(link):
    strict = add_link(link.stage, must_be_signed=True, panel_study=STUDY)

    assert [look(strict, PROLIFIC_PID=PID).status_code, look(strict).status_code] == [403, 403]
    assert consent(strict, prolific_token=token()).status_code == 303


def test_a_panel_whose_keys_or_study_nobody_wrote_down_cannot_be_checked(link):
    bare = add_link(link.stage)

    assert consent(bare, PROLIFIC_PID=PID, prolific_token=token()).status_code == 303
    assert proofs() == ["unverified"]
    assert look(add_link(link.stage, must_be_signed=True), prolific_token=token()).status_code == 403


def test_a_signature_may_expire_while_the_consent_is_read(link, monkeypatch):
    client = Client()
    page = client.get(f"/join/{link.token}/", {"prolific_token": token()}).content.decode()
    later = datetime.now(UTC) + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    carried = page.split('name="arrival" value="')[1].split('"')[0]

    reply = client.post(f"/join/{link.token}/", {"arrival": carried, "decision": "consent", "version": "1"})

    assert reply.status_code == 303
    assert proofs() == ["signed"]


def test_a_typed_id_does_not_open_the_run_of_somebody_who_came_signed(link):
    consent(link, prolific_token=token())

    assert look(link, PROLIFIC_PID=PID).status_code == 403
    assert look(link, prolific_token=token()).status_code == 303  # who comes again from the panel goes on


def test_a_link_for_one_person_is_itself_the_proof(link):
    assert consent(add_link(link.stage, is_single_use=True)).status_code == 303
    assert proofs() == ["single_use"]


# --- a lab's own signature ------------------------------------------------------------------------------------------


@pytest.fixture
def own(link):
    """The same study, signed by its lab: a function from a person and an end to the query of their address."""
    secret = bytes.fromhex(make_secret(lab=link.stage.study.lab, actor=factories.owner_of(link.stage.study.lab)))

    def query(participant: str = "seat 7", expires: int | None = None, token: str = link.token) -> dict[str, str]:
        until = str(int(time.time()) + 600 if expires is None else expires)
        signed = own_signature(secret, link_token=token, participant=participant, expires=until)
        return {"participant": participant, "expires": until, "signature": signed}

    return query


def test_a_link_that_the_lab_signed_proves_who_comes(link, own):
    assert consent(link, **own("Zoë 7")).status_code == 303
    assert proofs() == ["signed"]
    assert identity_of(Enrolment.objects.get())["parameters"] == {"participant": "Zoë 7"}


def test_the_recipe_on_the_page_makes_the_signature_that_is_checked():
    """The example of the page, run as it stands there."""
    names: dict[str, object] = {}
    exec(RECIPE, names)

    assert names["signature"]("ab" * 32, "t0", "p1", "99") == own_signature(
        bytes.fromhex("ab" * 32), link_token="t0", participant="p1", expires="99"
    )


def test_a_lab_signature_opens_one_link_for_one_person_until_its_end(link, own):
    good, other = own(), add_link(link.stage)
    forged = (
        good | {"participant": "seat 8"},
        good | {"expires": str(int(good["expires"]) + 9999)},
        good | {"signature": "0" * 64},
        good | {"signature": "é"},
        own(expires=int(time.time()) - 3600),
        {name: good[name] for name in ("participant", "signature")},
    )

    assert [look(link, **query).status_code for query in forged] == [403] * len(forged)
    assert look(other, **good).status_code == 403
    assert look(link, **good).status_code == 200


def test_a_new_secret_ends_what_the_old_one_signed(link, own):
    signed = own()
    make_secret(lab=link.stage.study.lab, actor=factories.owner_of(link.stage.study.lab))

    assert look(link, **signed).status_code == 403


# --- the panel's keys -----------------------------------------------------------------------------------------------


def private() -> dict[str, str]:
    return {**key_set()["keys"][0], "d": number(rsa_key().private_numbers().d)}


REFUSED_KEYS = {
    "not json": ("{", "expected JSON"),
    "no keys": ('{"keys": []}', "1 to 20 keys"),
    "a list": ("[]", "1 to 20 keys"),
    "too many": (json.dumps({"keys": key_set()["keys"] * 11}), "1 to 20 keys"),
    "the same name twice": (json.dumps({"keys": key_set()["keys"][:1] * 2}), "same kid"),
    "a secret key": (json.dumps({"keys": [private()]}), "secret key"),
    "a shared secret": ('{"keys": [{"kid": "h", "kty": "oct", "k": "AAAA"}]}', "secret key"),
    "no name": ('{"keys": [{"kty": "RSA"}]}', "a name"),
    "another curve": ('{"keys": [{"kid": "e", "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}]}', "P-256"),
    "a point beside the curve": (
        '{"keys": [{"kid": "e", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
        "no key",
    ),
    "a short key": (
        json.dumps({"keys": [{"kid": "r", "kty": "RSA", "n": number((1 << 1023) + 1), "e": "AQAB"}]}),
        "1024 bits",
    ),
    "nested without end": ("[" * 5000, "expected JSON"),
}


def test_keys_that_cannot_be_used_are_refused_with_what_to_mend(link):
    lab = link.stage.study.lab

    for text, said in REFUSED_KEYS.values():
        with pytest.raises(KeySetRefused, match=said):
            keep_panel_keys(lab=lab, text=text, actor=factories.owner_of(lab))

    assert [jwk["kid"] for jwk in lab.arrival_keys.panel_keys["keys"]] == ["r1", "e1"]


def test_keys_are_kept_without_what_is_not_needed_and_the_trail_names_them(link):
    lab = link.stage.study.lab

    assert set(lab.arrival_keys.panel_keys["keys"][0]) == {"kid", "kty", "n", "e"}
    entry = AuditEntry.objects.get(verb="changed panel keys")
    assert (entry.before, entry.after) == ([], ["r1", "e1"])
