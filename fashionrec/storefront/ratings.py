"""What the personas say about a product, summed up for its page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce

from catalog.models import Product
from personas.models import SCALE, Rating
from personas.selectors import published

CHART_HEIGHT = 88
BAR_STEP = 30
BAR_WIDTH = 22


@dataclass(frozen=True)
class Bar:
    """One rating of the scale in the chart; lengths in units of its view box."""

    label: str
    share: float
    x: int
    y: float
    height: float
    negative: bool

    @property
    def middle(self) -> float:
        return self.x + BAR_WIDTH / 2


@dataclass(frozen=True)
class Verdict:
    """Ratings of one language model, or of the simulator: those of different raters are never added up."""

    language_model: str
    simulated: bool
    demonstration: bool
    count: int
    mean: float
    distribution: list[float]
    """Mean probability of each rating, in the order of SCALE."""
    keenest: Any
    """The rating (a row with its `value`) of the persona that likes it most, and below of the one that does least."""
    coolest: Any

    @property
    def bars(self) -> list[Bar]:
        highest = max(self.distribution) or 1.0
        heights = [round(CHART_HEIGHT * share / highest, 1) for share in self.distribution]
        return [
            Bar(
                label=str(rating).replace("-", "−"),
                share=share,
                x=4 + BAR_STEP * index,
                y=round(92 - height, 1),
                height=height,
                negative=rating < 0,
            )
            for index, (rating, share, height) in enumerate(zip(SCALE, self.distribution, heights, strict=True))
        ]

    @property
    def in_words(self) -> str:
        """The chart for those who do not see it."""
        return ", ".join(f"{bar.label}: {100 * bar.share:.0f} %" for bar in self.bars)


def verdicts(product: Product) -> list[Verdict]:
    """One verdict for each rater that has published ratings of `product`, the simulator last. One query.

    A persona counts once, with what it said in the run of that rater that was published last.
    """
    ratings = published().filter(product=product).select_related("persona", "run__language_model")
    valued = ratings.annotate(value=Coalesce("calibrated", F("expectation"))).order_by("run__published_at", "pk")
    by_model: dict[tuple[bool, str], dict[int, Any]] = {}
    for rating in valued:
        model = rating.run.language_model
        by_model.setdefault((model.is_simulator, model.name), {})[rating.persona_id] = rating
    return [
        _verdict(sorted(by_model[key].values(), key=lambda rating: (-rating.value, rating.pk)))
        for key in sorted(by_model)
    ]


def _verdict(ratings: list[Any]) -> Verdict:
    model = ratings[0].run.language_model
    return Verdict(
        language_model=model.name,
        simulated=model.is_simulator,
        demonstration=model.is_demonstration,
        count=len(ratings),
        mean=_mean(rating.value for rating in ratings),
        distribution=[_mean(_distribution(rating)[index] for rating in ratings) for index in range(len(SCALE))],
        keenest=ratings[0],
        coolest=ratings[-1],
    )


def _distribution(rating: Rating) -> list[float]:
    return rating.calibrated_probabilities or rating.probabilities


def _mean(values: Iterable[float]) -> float:
    collected = list(values)
    return sum(collected) / len(collected)
