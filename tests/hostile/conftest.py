"""What the hostile tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.hostile.world import World, make_world


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker) -> Iterator[World]:  # type: ignore[no-untyped-def]
    """One site for a whole module (whose tests are marked django_db): `ask` takes back whatever a request changed."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)
