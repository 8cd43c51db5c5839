"""Promise 35: a class behind one address gets in, and a guesser does not."""

from __future__ import annotations

import base64
import logging
import math
import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.tokens import default_token_generator
from django.db import connection
from django.test import Client
from django.urls import reverse

from studyapp.actions import guessing
from studyapp.actions.accounts import make_sign_in_link
from studyapp.actions.invitations import invitation_address, invite
from studyapp.actions.links import add_link
from studyapp.models import Enrolment, Role, User
from tests.factories import main_link, make_lab, make_open, make_user, owner_of, small_document
from tests.promises.ledger import Reached, scale

pytestmark = pytest.mark.django_db

CLASSROOM = "203.0.113.7"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 with as little work as it takes: it is the number of guesses that counts here."""
    for cost, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
        monkeypatch.setattr(Argon2PasswordHasher, cost, least)


@pytest.fixture(autouse=True)
def _no_log_of_refusals() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


# --- a class -------------------------------------------------------------------------------------------------------


@pytest.mark.promise(35)
def test_a_class_behind_one_address_takes_part(reached: Reached) -> None:
    n_people = scale(full=200, quick=60)
    document = small_document()
    document["allocation"]["capacity"] = 400
    study = make_open(document=document)
    join = reverse("join", args=[main_link(study).token])
    began = time.monotonic()

    answers = [arrive(join, f"pupil{n}") for n in range(n_people)]

    seconds = time.monotonic() - began
    assert answers == [reverse("run", args=[study.public_id])] * n_people
    assert Enrolment.objects.filter(study=study).count() == n_people
    reached(f"{n_people} of {n_people} arrivals from one address let in within {seconds:.0f} s")


def arrive(join: str, name: str) -> str:
    """Open the link, consent, and see where one is sent."""
    client = Client(REMOTE_ADDR=CLASSROOM)
    page = client.get(join, {"participant": name}).content.decode()
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return client.post(join, dict(hidden) | {"decision": "consent"}).get("Location", "")


@pytest.mark.promise(35)
def test_a_department_behind_one_address_signs_in(reached: Reached) -> None:
    n_people = scale(full=200, quick=60)

    let_in = sign_in_all(n_people, lambda n: CLASSROOM)

    assert let_in == n_people
    reached(f"{let_in} of {n_people} researchers signed in from one address")


def sign_in_all(n_people: int, address: Callable[[int], str]) -> int:
    """How many of so many people, each with an own account and password, get in."""
    users = [User.objects.create_user(email=f"r{n}@example.org", password=PASSWORD) for n in range(n_people)]
    return sum(try_password(user.email, PASSWORD, address(n)) == 302 for n, user in enumerate(users))


def try_password(email: str, password: str, address: str) -> int:
    client = Client(REMOTE_ADDR=address)
    return client.post(reverse("sign_in"), {"login": email, "password": password}).status_code


# --- a guesser at one account --------------------------------------------------------------------------------------


def guesses_tried(n_guesses: int, email: str) -> int:
    """Guess from so many addresses at once; what is not refused with a 429 was tried."""

    def guess(n: int) -> int:
        try:
            return try_password(email, f"wrong password {n}", f"198.51.{n // 250}.{n % 250}")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(guess, range(n_guesses)))
    assert set(answers) <= {200, 429}
    return answers.count(200)


@pytest.mark.promise(35)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("email", ["known@example.org", "nobody@example.org"])
def test_a_thousand_guesses_at_one_account_are_ten_at_most(email: str, reached: Reached) -> None:
    User.objects.create_user(email="known@example.org", password=PASSWORD)
    n_guesses = scale(full=1000, quick=200)
    began = time.monotonic()

    tried = guesses_tried(n_guesses, email)

    minutes = (time.monotonic() - began) / 60
    assert tried <= guessing.PASSWORD.at_once + math.floor(minutes)
    in_five = guessing.PASSWORD.at_once + 300 / guessing.PASSWORD.seconds
    assert in_five <= 10
    reached(f"{tried} of {n_guesses} guesses at {email} tried in {60 * minutes:.0f} s; {in_five:.0f} in 5 min at most")


@pytest.mark.control(35, "guesses are counted by address only")
@pytest.mark.django_db(transaction=True)
def test_a_limit_by_address_alone_stops_the_class_and_not_the_guesser(
    monkeypatch: pytest.MonkeyPatch, reached: Reached
) -> None:
    monkeypatch.setattr(guessing, "PASSWORD", guessing.Limit("password", at_once=10**6, seconds=1))
    monkeypatch.setattr(guessing, "ADDRESS", guessing.Limit("address", at_once=10, seconds=30))
    User.objects.create_user(email="known@example.org", password=PASSWORD)
    wrong = [try_password("known@example.org", "wrong password", CLASSROOM) for _ in range(10)]  # one pupil's mistakes

    tried = guesses_tried(n_guesses := 100, "known@example.org")
    let_in = sign_in_all(n_people := 20, lambda n: CLASSROOM)

    assert wrong == [200] * 10
    assert tried > 10
    assert let_in < n_people
    reached(f"{tried} of {n_guesses} guesses tried, {let_in} of {n_people} people let in")


# --- a guesser of tokens -------------------------------------------------------------------------------------------


@pytest.mark.promise(35)
def test_no_token_is_guessed(reached: Reached) -> None:
    n_tokens = scale(full=10_000, quick=400)
    study = make_open()
    user = owner_of(study.lab)
    make_sign_in_link(user=user)
    invite(lab=study.lab, email="guest@example.org", role=Role.OWNER, actor=user)
    client = Client(REMOTE_ADDR="198.51.100.1")
    made: dict[str, Callable[[], tuple[str, ...]]] = {
        "join": lambda: (secrets.token_urlsafe(16),),
        "sign_in_by_link": lambda: (secrets.token_urlsafe(32),),
        "invitation": lambda: (secrets.token_hex(32),),
        "account_reset_password_from_key": lambda: ("1", f"{secrets.token_hex(3)}-{secrets.token_hex(16)}"),
    }
    answers: dict[str, set[int]] = {}
    for door, make in made.items():
        addresses = [reverse(door, args=make()) for _ in range(n_tokens // len(made))]
        answers[door] = {client.post(address).status_code for address in addresses}

    assert answers["join"] == {404}
    assert answers["sign_in_by_link"] <= {410, 429}
    assert answers["invitation"] <= {410, 429}
    assert answers["account_reset_password_from_key"] == {200}  # "This link was used before or has expired."
    assert "_auth_user_id" not in client.session
    assert Enrolment.objects.count() == 0
    reached(f"0 of {n_tokens} tokens guessed")


@pytest.mark.promise(35)
def test_a_token_is_guessed_with_odds_below_two_to_the_minus_hundred(reached: Reached) -> None:
    """Bits of each token as it is made, and that each of them is a coin's; 10,000 guesses at 1,000 open tokens."""
    lab, user = make_lab(), make_user()
    stage = main_link(make_open(lab)).stage
    made: dict[str, Callable[[], bytes]] = {
        "participants' link": lambda: base64.urlsafe_b64decode(add_link(stage).token + "=="),
        "sign-in link": lambda: base64.urlsafe_b64decode(make_sign_in_link(user=user) + "="),
        "invitation": lambda: bytes.fromhex(
            invitation_address(invite(lab=lab, email="g@example.org", role=Role.VIEWER, actor=user)).split("/")[-2]
        ),
        "new password": lambda: bytes.fromhex(default_token_generator.make_token(make_user()).partition("-")[2]),
    }
    n_tokens, bits = 200, {}
    for name, make in made.items():
        tokens = [make() for _ in range(n_tokens)]
        bits[name] = 8 * min(map(len, tokens))
        assert len(set(tokens)) == n_tokens
        ones = [sum(token[place // 8] >> place % 8 & 1 for token in tokens) for place in range(bits[name])]
        assert all(abs(count - n_tokens / 2) < 6 * math.sqrt(n_tokens / 4) for count in ones), name

    odds = math.log2(10_000 * 1_000) - min(bits.values())
    assert min(bits.values()) >= 128
    assert odds < -100
    reached(f"tokens of {min(bits.values())} bits and more; 10,000 guesses at 1,000 open ones: odds 2^{odds:.0f}")
