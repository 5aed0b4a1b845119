"""A rater that takes its time, so that a worker can be killed while it rates."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fashionrec.simulation.rater import SimulatedRater


class SlowRater(SimulatedRater):
    def score_labels(self, prefix: str, suffixes: Sequence[str], labels: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(0.4)
        return super().score_labels(prefix, suffixes, labels)
