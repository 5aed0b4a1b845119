"""manage.py derive_preferences: preference pairs for `train_rater --method dpo`, from what shoppers took."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from recommender.click_preferences import derive_click_preferences


class Command(BaseCommand):
    help = (
        "Derive preference pairs from the slates and events of consenting visitors; removes those that no longer "
        "follow. The last line is JSON."
    )

    def handle(self, **_: Any) -> None:
        self.stdout.write(json.dumps(derive_click_preferences().as_dict()))
