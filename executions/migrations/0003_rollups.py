import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("executions", "0002_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Rollup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_test", models.BooleanField()),
                ("span", models.PositiveSmallIntegerField(help_text="How many days.")),
                ("first", models.IntegerField(help_text="The number of the first day; 1 is 0001-01-01.")),
                ("executions", models.BigIntegerField()),
                ("succeeded", models.BigIntegerField()),
                ("failed", models.BigIntegerField()),
                ("canceled", models.BigIntegerField()),
                ("timed", models.BigIntegerField()),
                ("latency_ms", models.BigIntegerField()),
                ("prompt_tokens", models.BigIntegerField()),
                ("response_tokens", models.BigIntegerField()),
                ("priced", models.BigIntegerField()),
                ("cost_e8", models.BigIntegerField(help_text="In hundred-millionths of a US dollar.")),
                ("latencies", models.BinaryField()),
            ],
            options={
                "db_table": "execution_rollups",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="RollupState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.BigIntegerField(default=0)),
                ("time_zone", models.CharField(help_text="In which the days were counted.", max_length=100)),
            ],
            options={
                "db_table": "execution_rollup_state",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("prompt_id", models.BigIntegerField(null=True)),
                ("prompt_name", models.CharField(max_length=255)),
                ("label", models.CharField(max_length=24)),
                ("provider", models.CharField(max_length=40)),
                ("model_name", models.CharField(max_length=200)),
                ("environment", models.CharField(max_length=3)),
                ("is_test", models.BooleanField()),
            ],
            options={
                "db_table": "execution_series",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="execution",
            name="in_rollup",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                condition=models.Q(("in_rollup", False)), fields=["created_at"], name="executions_not_folded"
            ),
        ),
        migrations.AddIndex(
            model_name="series",
            index=models.Index(fields=["prompt_id", "label"], name="execution_series_by_prompt"),
        ),
        migrations.AddField(
            model_name="rollup",
            name="series",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to="executions.series"),
        ),
        migrations.AddConstraint(
            model_name="rollup",
            constraint=models.UniqueConstraint(
                condition=models.Q(("series__isnull", False)),
                fields=("span", "first", "series"),
                name="execution_rollups_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollup",
            constraint=models.UniqueConstraint(
                condition=models.Q(("series__isnull", True)),
                fields=("first", "is_test"),
                name="execution_rollups_of_all_once",
            ),
        ),
    ]
