"""Accounts: second factors, invitations, sessions."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0002_guards")]

    operations: list[migrations.operations.base.Operation] = []
