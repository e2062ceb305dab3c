"""What a prompt asks of its versions before production."""

from django.db import migrations

import common.canonical
import versions.models.fields


class Migration(migrations.Migration):
    dependencies = [("versions", "0004_served_generation")]

    operations = [
        migrations.AddField(
            "prompt",
            "evaluation",
            common.canonical.CanonicalJSONField(
                blank=True, db_default="{}", default=dict, validators=[versions.models.fields.check_metadata]
            ),
        ),
    ]
