"""The browsers in which somebody is signed in, and their end."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from studyapp.actions import audit
from studyapp.models import ConsoleSession, User

SEEN_EVERY = timedelta(minutes=1)  # a page more often than that is not written down
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac", "Linux")


def begin(*, user: User, user_agent: str) -> ConsoleSession:
    """Somebody signed in; old sessions that nobody can use any more are cleared away."""
    now = timezone.now()
    ConsoleSession.objects.filter(seen_at__lt=_idle_since()).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    return ConsoleSession.objects.create(user=user, browser=browser_of(user_agent), started_at=now, seen_at=now)


def alive(*, public_id: str, user: User, is_present: bool) -> bool:
    """Whether the session may still be used; a person's presence (not a page that asks by itself) keeps it awake."""
    try:
        key = uuid.UUID(public_id)
    except ValueError:
        return False
    session = ConsoleSession.objects.filter(public_id=key, user=user).first()
    now = timezone.now()
    if session is None or session.seen_at < _idle_since() or session.started_at < now - settings.SESSION_LIFE:
        return False
    if is_present and session.seen_at < now - SEEN_EVERY:
        ConsoleSession.objects.filter(pk=session.pk).update(seen_at=now)
    return True


@transaction.atomic
def end_session(*, session: ConsoleSession) -> None:
    """Sign one browser out; its next request is a stranger's."""
    audit.record("ended a session", f"user:{session.user_id}", actor=session.user, before=session.browser)
    session.delete()


@transaction.atomic
def end_sessions(*, user: User, but: str = "") -> int:
    """Sign out every browser of somebody, or every other one; returns how many."""
    sessions = user.console_sessions.exclude(public_id=but) if but else user.console_sessions.all()
    count, _ = sessions.delete()
    if count:
        audit.record("ended sessions", f"user:{user.pk}", actor=user, before=count)
    return count


def browser_of(user_agent: str) -> str:
    """A few words by which a person recognises a browser: no version, nothing that tells two people apart."""
    browser = next((name for mark, name in BROWSERS if re.search(rf"\b{mark}/", user_agent)), "")
    system = next((name for name in SYSTEMS if name in user_agent), "")
    return ", ".join(word for word in (browser, system) if word)


def _idle_since() -> datetime:
    return timezone.now() - settings.SESSION_IDLE
