"""What proves that somebody is who their link says: a signature of the panel or the lab, or a link of their own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext

from studyapp.actions.enrol import Arrival, clean_id
from studyapp.actions.sealing import unseal
from studyapp.actions.signatures import SignatureRefused, check_own_signature, claims_of
from studyapp.errors import NotEligible
from studyapp.models import ArrivalKeys, Link
from studyapp.models.quality import Proof

log = logging.getLogger(__name__)

PANEL_TOKEN = "prolific_token"  # noqa: S105 (the name of a parameter)
# Of a signature nothing is kept: it proved what it had to at the arrival.
SIGNING = (PANEL_TOKEN, "signature", "expires")
SECRET = "arrival secret"  # noqa: S105 (what it is sealed for)


def proven(link: Link, arrival: Arrival) -> Arrival:
    """The arrival with what proves it, and without its signature.

    Raises NotEligible for a signature that does not hold, and for none where the link asks for one.
    """
    try:
        found = _proven(link, arrival)
    except SignatureRefused as error:
        log.warning("an arrival by link %s was refused: %s", link.pk, error)
        raise NotEligible(
            gettext("We could not check that this link is yours. Open the study again from the page that invited you.")
        ) from error
    if link.must_be_signed and found.proof == Proof.UNVERIFIED and not link.stage.is_simulated:
        raise NotEligible(
            gettext("This study can only be opened from the page that invited you. Go there and open it again.")
        )
    return replace(found, parameters={k: v for k, v in found.parameters.items() if k not in SIGNING})


def _proven(link: Link, arrival: Arrival) -> Arrival:
    if link.is_single_use:
        return replace(arrival, proof=Proof.SINGLE_USE)
    if PANEL_TOKEN in arrival.parameters:
        return _by_panel(link, arrival)
    if arrival.panel == "label" and "signature" in arrival.parameters:
        return _by_lab(link, arrival)
    return arrival


def _by_panel(link: Link, arrival: Arrival) -> Arrival:
    """Prolific's signed links: the token says who comes, to which of its studies, and for which site."""
    keys = ArrivalKeys.objects.filter(lab=link.stage.study.lab_id).values_list("panel_keys", flat=True).first()
    if not keys or not link.panel_study:
        return arrival  # nothing to check it with: let in, and marked
    claims = claims_of(
        arrival.parameters[PANEL_TOKEN],
        keys,
        audience=urlsplit(settings.BASE_URL).netloc.lower(),
        now=timezone.now().timestamp(),
    )
    said = claims.get("prolific", claims)
    if not isinstance(said, Mapping) or said.get("STUDY_ID") != link.panel_study:
        raise SignatureRefused("it was made for another study")
    person = said.get("PROLIFIC_PID")
    if not isinstance(person, str) or not person:
        raise SignatureRefused("it names nobody")
    signed = Arrival("prolific", clean_id("prolific", person, "PROLIFIC_PID"), arrival.parameters, Proof.SIGNED)
    if arrival.panel and (arrival.panel, arrival.panel_id) != (signed.panel, signed.panel_id):
        raise SignatureRefused("it was made for somebody else")
    return replace(signed, parameters={**arrival.parameters, "PROLIFIC_PID": person})


def _by_lab(link: Link, arrival: Arrival) -> Arrival:
    """A lab's own signed links, for people whom no panel sends."""
    sealed = ArrivalKeys.objects.filter(lab=link.stage.study.lab_id).values_list("sealed_secret", flat=True).first()
    if sealed is None:
        return arrival
    try:
        secret = unseal(bytes(sealed), SECRET)
    except InvalidToken as error:
        raise SignatureRefused("the lab's secret was sealed under another key") from error
    check_own_signature(
        secret,
        link_token=link.token,
        participant=arrival.parameters["participant"],
        expires=arrival.parameters.get("expires", ""),
        signature=arrival.parameters["signature"],
        now=timezone.now().timestamp(),
    )
    return replace(arrival, proof=Proof.SIGNED)
