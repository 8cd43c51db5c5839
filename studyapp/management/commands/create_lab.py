"""`manage.py create_lab NAME OWNER`: how the first lab of a site, and its owner, come to be."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from studyapp.actions.accounts import create_lab, sign_in_address
from studyapp.models import User


class Command(BaseCommand):
    help = "Makes a lab and its owner, who then invites everybody else, and prints a link that signs the owner in once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the lab is called")
        parser.add_argument("owner", help="the owner's e-mail address")

    @transaction.atomic
    def handle(self, *, name: str, owner: str, **options: object) -> None:
        try:
            validate_email(owner)
        except ValidationError as error:
            raise CommandError(f"owner: {owner!r} is no e-mail address") from error
        user = User.objects.filter(email=owner.strip().lower()).first() or User.objects.create_user(email=owner)
        lab = create_lab(name=name, owner=user)
        self.stdout.write(f"{lab} belongs to {user.email}. This address signs them in once, within 12 hours:")
        self.stdout.write(f"  {sign_in_address(user=user)}")
