"""Evidence and flags of data quality."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0005_rights")]

    operations: list[migrations.operations.base.Operation] = []
