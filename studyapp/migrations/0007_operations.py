"""What operators read."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0006_quality")]

    operations: list[migrations.operations.base.Operation] = []
