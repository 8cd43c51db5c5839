"""People's rights: versions of consent texts, erasure, retention."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0004_blindness")]

    operations: list[migrations.operations.base.Operation] = []
