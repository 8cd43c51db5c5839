"""Signing in, second factors, sessions and passwords, at the door itself."""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from argon2 import _password_hasher, low_level
from django.conf import settings as django_settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core import mail
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from studyapp import jobs, queue
from studyapp.actions import guessing
from studyapp.actions.accounts import make_sign_in_link
from studyapp.models import AuditEntry, ConsoleSession, GuessLimit, Job, Lab, Role, SignInLink, User
from studyapp.views.adapter import SecondFactorAdapter
from tests.factories import add_member, make_lab, make_user, owner_of

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2 with as little work as it takes: these tests sign in a hundred times."""
    for cost, least in (("time_cost", 1), ("memory_cost", 8), ("parallelism", 1)):
        monkeypatch.setattr(Argon2PasswordHasher, cost, least)


SECRET = "JBSWY3DPEHPK3PXP"


def someone(email: str = "ada@example.org") -> User:
    return User.objects.create_user(email=email, name="Ada", password=PASSWORD)


def sign_in(client: Client, email: str = "ada@example.org", password: str = PASSWORD, **headers: str):  # type: ignore[no-untyped-def]
    return client.post(reverse("sign_in"), {"login": email, "password": password}, headers=headers)


def is_in(client: Client) -> bool:
    return client.get(reverse("studies")).status_code == 200


def words(response: object) -> str:
    text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())  # type: ignore[attr-defined]
    return html.unescape(text)


def with_app(user: User) -> None:
    Authenticator.objects.create(user=user, type="totp", data={"secret": SecondFactorAdapter().encrypt(SECRET)})


def code_now() -> str:
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def run_jobs() -> None:
    for job in Job.objects.filter(state="pending"):
        claim = queue.claim(job.pk)
        assert claim is not None
        jobs.JOBS[job.kind](claim)
        claim.finish()


# --- nobody learns who has an account ----------------------------------------------------------------------------


class CountedHashes:
    """How often argon2 ran, counted at the library."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(low_level, "hash_secret", self.counting(low_level.hash_secret))
        monkeypatch.setattr(_password_hasher, "verify_secret", self.counting(low_level.verify_secret))

    def counting(self, original):  # type: ignore[no-untyped-def]
        def counted(*args: object, **kwargs: object) -> object:
            self.count += 1
            return original(*args, **kwargs)

        return counted


def test_an_unknown_address_a_wrong_password_and_a_closed_account_are_answered_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    someone()
    someone("closed@example.org")
    make_user("by-link-only@example.org")
    User.objects.filter(email="closed@example.org").update(is_active=False)
    hashes = CountedHashes(monkeypatch)
    answers, counts = [], []
    for email in ("ada@example.org", "nobody@example.org", "closed@example.org", "by-link-only@example.org"):
        before = hashes.count
        answer = sign_in(Client(), email, "wrong password here")
        answers.append((answer.status_code, words(answer).replace(email, "")))
        counts.append(hashes.count - before)

    assert len(set(answers)) == 1
    assert counts == [1, 1, 1, 1]


def test_a_closed_account_with_its_own_password_is_answered_like_a_wrong_one() -> None:
    someone("closed@example.org")
    User.objects.update(is_active=False)

    right = sign_in(Client(), "closed@example.org")
    wrong = sign_in(Client(), "closed@example.org", "wrong password here")

    assert (right.status_code, words(right)) == (wrong.status_code, words(wrong))


def test_a_forgotten_password_is_answered_alike_and_mailed_by_a_worker_only_to_who_has_an_account() -> None:
    someone()
    answers = [Client().post(reverse("account_reset_password"), {"email": e}) for e in ("ada@example.org", "x@y.org")]

    assert [(a.status_code, a["Location"], words(a)) for a in answers] == [
        (302, reverse("account_reset_password_done"), "")
    ] * 2
    assert Job.objects.filter(kind="mail_reset").count() == 2  # the same work, before the answer
    assert mail.outbox == []
    run_jobs()
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]


def test_nobody_signs_up() -> None:
    names = {name for name in get_resolver().reverse_dict if isinstance(name, str)}

    assert not any("signup" in name for name in names)
    assert Client().get("/accounts/signup/").status_code == 404


# --- guessing ----------------------------------------------------------------------------------------------------


def test_after_five_wrong_passwords_even_the_right_one_waits_a_minute() -> None:
    someone()
    tried = [sign_in(Client(), password=f"wrong password {n}").status_code for n in range(5)]
    refused = sign_in(Client())
    GuessLimit.objects.update(free_at=F("free_at") - timedelta(seconds=61))  # a minute later
    again = Client()

    assert tried == [200] * 5
    assert refused.status_code == 429
    assert refused["Retry-After"] == "60"
    assert sign_in(again)["Location"] == reverse("studies")
    assert is_in(again)


def test_signing_in_rightly_uses_nothing_up() -> None:
    someone()

    assert [sign_in(Client()).status_code for _ in range(8)] == [302] * 8


def test_a_limit_keeps_digests_only_and_forgets_them() -> None:
    someone()
    sign_in(Client(REMOTE_ADDR="203.0.113.77"), password="wrong password here")
    kept = " ".join(GuessLimit.objects.values_list("digest", flat=True))
    plain = [hashlib.sha256(text.encode()).hexdigest() for text in ("203.0.113.77", "ada@example.org")]
    count = GuessLimit.objects.count()
    GuessLimit.objects.update(free_at=timezone.now() - timedelta(seconds=1))
    guessing.forget_old()

    assert count == 2
    assert not any(text in kept for text in ("203.0.113.77", "ada", *plain))
    assert GuessLimit.objects.count() == 0


def test_a_letter_box_is_not_filled_with_resets() -> None:
    someone()
    for _ in range(10):
        Client().post(reverse("account_reset_password"), {"email": "Ada@example.org"})

    assert Job.objects.filter(kind="mail_reset").count() == 3


# --- sessions ----------------------------------------------------------------------------------------------------


def test_the_session_key_is_another_after_signing_in(client: Client) -> None:
    someone()
    client.get(reverse("sign_in"))
    session = client.session
    session["planted"] = "before"
    session.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = session.session_key
    before = session.session_key

    sign_in(client)

    assert client.session.session_key != before
    assert not type(client.session)().exists(before)


def test_a_person_ends_one_session_or_all_others() -> None:
    user = someone()
    here, phone, lab = Client(), Client(), Client()
    sign_in(here)
    sign_in(phone, **{"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Safari/604.1"})
    sign_in(lab, **{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    shown = words(here.get(reverse("account")))
    session = user.console_sessions.get(browser="Firefox, Linux")

    here.post(reverse("end_session", args=[session.public_id]))
    after_one = (is_in(here), is_in(phone), is_in(lab))
    here.post(reverse("end_other_sessions"))

    assert "Safari, iPhone" in shown
    assert "Firefox, Linux" in shown
    assert after_one == (True, True, False)
    assert (is_in(here), is_in(phone), is_in(lab)) == (True, False, False)


def test_nobody_ends_anothers_session() -> None:
    other = someone("other@example.org")
    theirs, mine = Client(), Client()
    sign_in(theirs, "other@example.org")
    someone()
    sign_in(mine)

    answer = mine.post(reverse("end_session", args=[other.console_sessions.get().public_id]))

    assert answer.status_code == 404
    assert is_in(theirs)


@pytest.mark.parametrize(
    ("column", "setting"), [("seen_at", "SESSION_IDLE"), ("started_at", "SESSION_LIFE")], ids=["idle", "absolute"]
)
def test_a_session_ends_by_itself(client: Client, column: str, setting: str) -> None:
    someone()
    sign_in(client)
    ago = timezone.now() - getattr(django_settings, setting)
    ConsoleSession.objects.update(**{column: ago + timedelta(minutes=1)})
    just_before = is_in(client)
    ConsoleSession.objects.update(**{column: ago - timedelta(seconds=1)})

    assert (just_before, is_in(client)) == (True, False)
    assert client.get(reverse("sign_in")).status_code == 200  # and not back and forth


def test_a_page_that_refreshes_itself_keeps_no_session_awake(client: Client) -> None:
    someone()
    sign_in(client)
    long_ago = timezone.now() - timedelta(hours=1)
    ConsoleSession.objects.update(seen_at=long_ago)

    client.get(reverse("studies"), headers={"HX-Request": "true"})
    asleep = ConsoleSession.objects.get().seen_at
    client.get(reverse("studies"))

    assert asleep == long_ago
    assert ConsoleSession.objects.get().seen_at > long_ago


def test_signing_out_ends_the_session_wherever_its_cookie_went(client: Client) -> None:
    someone()
    sign_in(client)
    stolen = Client()
    stolen.cookies.load({key: morsel.value for key, morsel in client.cookies.items()})
    before = is_in(stolen)

    client.post(reverse("sign_out"))

    assert (before, is_in(stolen)) == (True, False)


def test_a_changed_password_signs_out_everybody_else() -> None:
    user = someone()
    here, elsewhere = Client(), Client()
    sign_in(here)
    sign_in(elsewhere)
    fields = {"oldpassword": PASSWORD, "password1": "another good password", "password2": "another good password"}

    here.post(reverse("account_change_password"), fields)

    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert AuditEntry.objects.filter(verb="changed password", what=f"user:{user.pk}").count() == 1


def test_the_old_password_cannot_be_guessed_at_an_open_browser(client: Client) -> None:
    someone()
    sign_in(client)
    fields = {"oldpassword": "wrong", "password1": "another good password", "password2": "another good password"}

    assert [client.post(reverse("account_change_password"), fields).status_code for _ in range(7)] == [200] * 5 + [
        429
    ] * 2


def test_a_reset_link_works_once_and_signs_out_everybody(settings) -> None:  # type: ignore[no-untyped-def]
    settings.BASE_URL = "http://testserver"
    someone()
    thief, owner = Client(), Client()
    sign_in(thief)
    owner.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    run_jobs()
    address = re.search(r"http://testserver(\S+)", mail.outbox[0].body)
    assert address is not None

    form = owner.get(address[1])["Location"]  # the token does not stay in the address
    fields = {"password1": "another good password", "password2": "another good password"}
    done = owner.post(form, fields)
    again = Client().get(address[1])

    assert address[1] not in form
    assert done["Location"] == reverse("account_reset_password_from_key_done")
    assert "used before or has expired" in words(again)
    assert not is_in(thief)
    assert sign_in(Client(), password="another good password").status_code == 302


# --- second factors ----------------------------------------------------------------------------------------------


def test_a_password_alone_opens_no_account_that_has_a_second_factor(client: Client) -> None:
    with_app(someone())

    first = sign_in(client)
    between = is_in(client)
    second = client.post(reverse("mfa_authenticate"), {"code": code_now()})

    assert first["Location"] == reverse("mfa_authenticate")
    assert between is False
    assert second["Location"] == reverse("studies")
    assert is_in(client)


def test_a_one_time_link_does_not_pass_by_the_second_factor(client: Client) -> None:
    with_app(user := someone())

    answer = client.post(reverse("sign_in_by_link", args=[make_sign_in_link(user=user)]))

    assert answer["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)


def test_a_code_opens_one_door_only() -> None:
    with_app(someone())
    clients = Client(), Client()
    for client in clients:
        sign_in(client)
    code = code_now()

    for client in clients:
        client.post(reverse("mfa_authenticate"), {"code": code})

    assert [is_in(client) for client in clients] == [True, False]


def test_codes_are_guessed_as_seldom_as_passwords() -> None:
    with_app(someone())
    answers = []
    for n in range(20):
        sign_in(client := Client())
        answers.append(client.post(reverse("mfa_authenticate"), {"code": f"{n:06d}"}).status_code)

    assert answers == [200] * 5 + [429] * 15


def test_the_key_of_an_app_is_not_readable_in_the_table() -> None:
    with_app(someone())

    assert SECRET not in str(Authenticator.objects.get().data)


def test_setting_up_an_app_signs_out_browsers_that_came_without_one(django_capture_on_commit_callbacks) -> None:  # type: ignore[no-untyped-def]
    user = someone()
    here, elsewhere = Client(), Client()
    sign_in(here)
    sign_in(elsewhere)
    here.get(reverse("mfa_activate_totp"))
    secret = here.session["mfa.totp.secret"]
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))

    with django_capture_on_commit_callbacks(execute=True):
        answer = here.post(reverse("mfa_activate_totp"), {"code": code})

    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    turned_on = AuditEntry.objects.filter(verb="turned on").values_list("what", flat=True)
    assert set(turned_on) == {f"totp of user:{user.pk}", f"recovery_codes of user:{user.pk}"}


def test_a_recovery_code_works_once() -> None:
    user = someone()
    with_app(user)
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client)
        client.post(reverse("mfa_authenticate"), {"code": code})

    assert (is_in(first), is_in(second)) == (True, False)


def test_an_owner_on_a_public_site_sets_up_a_second_factor_first(settings) -> None:  # type: ignore[no-untyped-def]
    settings.REQUIRE_MFA = True
    lab = make_lab(someone())
    viewer, owner = Client(), Client()
    viewer.force_login(add_member(lab, Role.VIEWER))
    sign_in(owner)
    pages = [reverse("studies"), reverse("members", args=[lab.pk])]

    sent = [owner.get(page)["Location"] for page in pages]
    with_app(lab.members.get(email="ada@example.org"))

    assert sent == [reverse("mfa_activate_totp")] * 2
    assert is_in(viewer)
    assert owner.get(pages[1]).status_code == 200


@pytest.mark.parametrize(("hosts", "needed"), [("localhost", "False"), ("trials.example.org", "True")])
def test_a_second_factor_is_asked_for_where_others_reach_the_site(hosts: str, needed: str, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "from studyapp import settings; print(settings.REQUIRE_MFA)"],
        env=os.environ | {"FORETELL_HOSTS": hosts, "FORETELL_DATA": str(tmp_path)},
        cwd=django_settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == needed


# --- what matters asks again -------------------------------------------------------------------------------------


def test_a_step_that_matters_asks_again_after_a_quarter_of_an_hour(client: Client) -> None:
    lab = make_lab(someone())
    member = reverse("member_role", args=[lab.pk, lab.memberships.get().pk])
    other = add_member(lab, Role.VIEWER)
    member = reverse("member_role", args=[lab.pk, lab.memberships.get(user=other).pk])
    page = reverse("members", args=[lab.pk])
    sign_in(client)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - 16 * 60}]
    session.save()

    asked = client.post(member, {"remove": "1"}, headers={"Referer": f"http://testserver{page}"})
    still = lab.memberships.filter(user=other).exists()
    confirmed = client.post(f"{reverse('account_reauthenticate')}?next={page}", {"password": PASSWORD})
    client.post(member, {"remove": "1"})

    assert asked["Location"] == f"{reverse('account_reauthenticate')}?next={page}"
    assert still
    assert confirmed["Location"] == page
    assert not lab.memberships.filter(user=other).exists()
    assert client.get(page).status_code == 200


def test_recovery_codes_are_shown_only_to_who_has_just_shown_who_they_are(client: Client) -> None:
    with_app(user := someone())
    client.force_login(user)  # long ago, as far as anybody knows

    answer = client.get(reverse("mfa_view_recovery_codes"))

    assert answer["Location"].startswith(reverse("account_reauthenticate"))


# --- the operator ------------------------------------------------------------------------------------------------


def test_an_operator_makes_the_first_lab(capsys: pytest.CaptureFixture[str], client: Client) -> None:
    call_command("create_lab", "Vision", "First@Example.org")
    address = re.search(r"/sign-in/\S+", capsys.readouterr().out)
    assert address is not None

    client.post(address[0])

    assert is_in(client)
    assert owner_of(Lab.objects.get(name="Vision")).email == "first@example.org"


def test_an_operator_helps_somebody_who_lost_their_phone(capsys: pytest.CaptureFixture[str], client: Client) -> None:
    with_app(someone())

    call_command("sign_in_link", "ada@example.org", "--forget-second-factor")
    address = re.search(r"/sign-in/\S+", capsys.readouterr().out)
    assert address is not None
    client.post(address[0])

    assert is_in(client)
    assert AuditEntry.objects.filter(verb="turned off").count() == 1


def test_there_is_no_admin_site() -> None:
    assert not [app for app in django_settings.INSTALLED_APPS if app.startswith("django.contrib.admin")]
    assert Client().get("/admin/").status_code == 404


# --- what cannot be guessed --------------------------------------------------------------------------------------


def test_a_sign_in_link_keeps_the_hash_of_its_token_alone() -> None:
    token = make_sign_in_link(user=someone())

    assert token not in str(SignInLink.objects.values().get())
