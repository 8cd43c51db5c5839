"""Accounts: second factors, invitations, sessions."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROLES = [("owner", "Owner"), ("designer", "Designer"), ("analyst", "Analyst"), ("viewer", "Viewer")]


class Migration(migrations.Migration):
    # allauth's tables come before the rights of the application's role are given out.
    dependencies = [
        ("studyapp", "0002_guards"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        # Addresses are kept in small letters from here on. No two differed in capitals alone: one_user_per_email.
        migrations.RunSQL(
            "UPDATE studyapp_user SET email = lower(email) WHERE email <> lower(email)", migrations.RunSQL.noop
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email", models.EmailField(max_length=254)),
                ("role", models.CharField(choices=ROLES, max_length=10)),
                ("nonce", models.CharField(max_length=32)),
                ("token_sha256", models.CharField(max_length=64, unique=True)),
                ("expires_at", models.DateTimeField()),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "lab",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="studyapp.lab"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(fields=("lab", "email"), name="one_invitation_per_lab_and_address"),
        ),
        migrations.CreateModel(
            name="ConsoleSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("browser", models.CharField(max_length=60)),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="console_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="consolesession",
            index=models.Index(fields=["seen_at"], name="sessions_by_last_sight"),
        ),
        migrations.CreateModel(
            name="GuessLimit",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("free_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
