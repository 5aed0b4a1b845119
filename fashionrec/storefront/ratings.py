"""What the personas say about a product, summed up for its page."""

from collections.abc import Iterable
from dataclasses import dataclass

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
    """Ratings of one provenance: simulated ones and those of a language model are never added up."""

    simulated: bool
    count: int
    mean: float
    distribution: list[float]
    """Mean probability of each rating, in the order of SCALE."""
    keenest: Rating
    coolest: Rating

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
    """One verdict for each provenance that has published ratings of `product`. One query."""
    ratings = list(published().filter(product=product).select_related("persona").order_by("-expectation", "pk"))
    by_provenance = ([r for r in ratings if not r.simulated], [r for r in ratings if r.simulated])
    return [_verdict(group) for group in by_provenance if group]


def _verdict(ratings: list[Rating]) -> Verdict:
    return Verdict(
        simulated=ratings[0].simulated,
        count=len(ratings),
        mean=_mean(rating.expectation for rating in ratings),
        distribution=[_mean(rating.probabilities[index] for rating in ratings) for index in range(len(SCALE))],
        keenest=ratings[0],
        coolest=ratings[-1],
    )


def _mean(values: Iterable[float]) -> float:
    collected = list(values)
    return sum(collected) / len(collected)
