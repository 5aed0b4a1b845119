"""manage.py rating_fidelity: a language model's ratings held against real people's reviews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from fashionrec.common.errors import AppError
from personas.ml.language_model import LanguageModel as Adapter
from personas.ml.language_model import ModelUnavailable, ModelUnusable
from personas.models import LanguageModel
from personas.services.language_models import default_language_model, find_language_model


class Command(BaseCommand):
    help = (
        "Ask a language model, as women of the reviewers' ages, about clothes that real women reviewed, and compare. "
        "Prints a table, writes var/reports/rating-fidelity.json and ends with that JSON."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, required=True, help="CSV of reviews, plain or .gz")
        parser.add_argument("--model", help="name of a language model of the shop (default: the shop's rater)")
        parser.add_argument("--items", type=int, default=50, help="items, those with most reviews (default 50)")
        parser.add_argument("--reviews", type=int, default=20, help="reviews held out per item at most (default 20)")
        parser.add_argument("--seed", type=int, default=0, help="draws the split and the intervals")
        parser.add_argument("--limit-calls", type=int, help="prompts the model may be asked at most")

    def handle(self, *, data: Path, model: str | None, seed: int, **options: Any) -> None:
        # scikit-learn takes a second to import: only when there is something to do.
        from personas.jobs import ready_adapter
        from personas.ml.fidelity import ask_about_reviews, fidelity_figures
        from personas.ml.reviews import read_reviews, split_reviews

        if seed < 0:
            raise CommandError(f"--seed: received {seed}, must not be negative")
        try:
            split = split_reviews(read_reviews(data), items=options["items"], per_item=options["reviews"], seed=seed)
            row = find_language_model(model) if model else default_language_model()
            adapter = ready_adapter(row)
            with tqdm(desc="prompts", unit="", disable=options["verbosity"] == 0) as bar:
                answers = ask_about_reviews(
                    adapter, split, limit=options["limit_calls"], seed=seed, on_batch=bar.update
                )
            figures = fidelity_figures(split, answers, seed=seed)
        except AppError as error:
            raise CommandError(error.message) from error
        except (ValueError, ModelUnusable, ModelUnavailable) as error:
            raise CommandError(str(error)) from error
        row.refresh_from_db()
        results = {
            "name": "rating-fidelity",
            "data": data.name,
            "seed": seed,
            "model": {"name": row.name, "digest": adapter.digest, "scoring": adapter.scoring},
            "caution": caution(row, adapter),
            "split": "by review: an item's text is made of its other reviews, never of one that is predicted",
            **figures,
        }
        path = Path(settings.DATA_DIR) / "reports" / "rating-fidelity.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
        self.stdout.write(table(results))
        self.stdout.write(json.dumps(results))


def caution(row: LanguageModel, adapter: Adapter) -> str:
    """What must be said before anybody reads the figures; empty for a model meant for use."""
    if row.is_simulator or adapter.scoring == "simulated":
        return (
            f"{row.name} is a simulator with planted tastes: it knows nothing of real people, and these figures say "
            f"nothing about language models"
        )
    if row.is_demonstration or adapter.demonstration:
        return (
            f"{row.name} is the small model for demonstration: it was trained on drawn products and planted tastes, "
            f"and these figures say nothing about larger models"
        )
    return ""


def table(results: dict[str, Any]) -> str:
    n = results["n"]
    lines = [
        f"{results['model']['name']} ({results['model']['scoring']}) on {n['test_reviews']} reviews of {n['items']} "
        f"items, {n['training_reviews']} other reviews, {n['prompts']} prompts",
        f"split {results['split']}",
    ]
    if results["caution"]:
        lines.insert(0, f"CAUTION: {results['caution']}.")
    if n["test_reviews_not_asked"]:
        lines.append(f"{n['test_reviews_not_asked']} held-out reviews were not asked about: --limit-calls")
    lines.append(
        f"{'method':<32}{'MAE':>7}{'RMSE':>7}{'gain over mean (95%)':>26}{'KS':>7}{'items, Spearman (95%)':>29}"
    )
    for name, row in results["methods"].items():
        gain = f"{row['rmse_gain']:+.3f} ({row['rmse_gain_interval'][0]:+.3f} to {row['rmse_gain_interval'][1]:+.3f})"
        correlation = "none"
        if row["item_correlation"] is not None:
            low, high = row["item_correlation_interval"]
            correlation = f"{row['item_correlation']:+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(f"{name:<32}{row['mae']:>7.3f}{row['rmse']:>7.3f}{gain:>26}{row['ks']:>7.3f}{correlation:>29}")
    within = results["within_item_correlation"]
    lines.append(
        "within items, what the age adds: "
        + ("nothing, every age gets the same" if within is None else f"correlation {within:+.3f}")
    )
    lines.append(
        "the item's text is all the model is told, so ridge on it is its peer; ridge on the review reads what it is to "
        "predict, and the item's mean knows other buyers' stars: both are bounds"
    )
    return "\n".join(lines)
