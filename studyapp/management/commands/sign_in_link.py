"""`manage.py sign_in_link EMAIL`: for somebody whose password, or whose phone and recovery codes, are lost."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from studyapp.actions import audit
from studyapp.actions.accounts import sign_in_address
from studyapp.actions.sessions import end_sessions
from studyapp.models import User


class Command(BaseCommand):
    help = "Prints a link that signs somebody in once. Make sure by another way that it is them who ask."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--forget-second-factor", action="store_true", help="phone and recovery codes are lost")

    @transaction.atomic
    def handle(self, *, email: str, forget_second_factor: bool, **options: object) -> None:
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        if user is None:
            raise CommandError(f"email: nobody with an open account has the address {email!r}")
        if forget_second_factor:
            for factor in Authenticator.objects.filter(user=user):
                factor.delete()
            end_sessions(user=user)
        audit.record("made sign-in link", f"user:{user.pk}", actor="operator")
        self.stdout.write(f"This address signs {user.email} in once, within 12 hours:\n  {sign_in_address(user=user)}")
