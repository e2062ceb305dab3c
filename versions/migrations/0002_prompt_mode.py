"""S1-4 to S1-8: the mode of a prompt, added by a migration of its own that goes back in one step."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("versions", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="prompt",
            name="mode",
            field=models.CharField(
                choices=[("full", "Full: people own the text"), ("tracking", "Tracking: git owns the text")],
                db_default="full",
                default="full",
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.CheckConstraint(condition=models.Q(mode__in=["full", "tracking"]), name="prompt_mode"),
        ),
        migrations.AddIndex(model_name="prompt", index=models.Index(fields=["mode"], name="idx_prompts_mode")),
    ]
