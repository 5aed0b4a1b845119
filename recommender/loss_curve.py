"""The losses of a training as a line in a 640 × 190 picture."""

from collections.abc import Sequence
from dataclasses import dataclass

LEFT, RIGHT, TOP, BOTTOM = 60, 620, 20, 155


@dataclass(frozen=True)
class LossCurve:
    losses: Sequence[float]

    @property
    def epochs(self) -> int:
        return len(self.losses)

    @property
    def first(self) -> float:
        return self.losses[0]

    @property
    def last(self) -> float:
        return self.losses[-1]

    @property
    def highest(self) -> float:
        return max(self.losses)

    @property
    def lowest(self) -> float:
        return min(self.losses)

    @property
    def points(self) -> str:
        """For an SVG polyline."""
        step = (RIGHT - LEFT) / (self.epochs - 1)
        height = (BOTTOM - TOP) / ((self.highest - self.lowest) or 1.0)
        places = ((LEFT + step * at, BOTTOM - height * (loss - self.lowest)) for at, loss in enumerate(self.losses))
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def loss_curve(losses: Sequence[float]) -> LossCurve | None:
    """None for fewer than two epochs: a point is no curve."""
    return LossCurve(losses) if len(losses) > 1 else None
