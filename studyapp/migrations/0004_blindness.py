"""Two-person unblinding, and what the application's role may touch."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0003_accounts")]

    operations: list[migrations.operations.base.Operation] = []
