import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="visitor",
            name="preferences",
            field=models.TextField(
                blank=True,
                help_text="What they say they like, in their own words.",
                max_length=500,
                validators=[django.core.validators.MaxLengthValidator(500)],
            ),
        ),
    ]
