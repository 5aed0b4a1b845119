import numpy as np
import pytest

from recommender.ml.dataset import Interactions
from recommender.ml.provenance import fade_synthetic, human_events


def small_world() -> Interactions:
    return Interactions.from_events(
        n_users=4,
        n_items=3,
        user=[0, 0, 1, 2, 3, 3, 3],
        item=[0, 1, 0, 0, 0, 1, 2],
        time=range(7),
        weight=[1, 1, 1, 1, 0.3, 0.3, 0.2],
        synthetic=[False] * 4 + [True] * 3,
    )


def test_the_word_of_personas_fades_as_shoppers_take_the_item() -> None:
    world = small_world()
    assert human_events(world).tolist() == [3, 1, 0]
    faded = fade_synthetic(world, half=3.0)
    np.testing.assert_allclose(faded.weight, [1, 1, 1, 1, 0.15, 0.225, 0.2], rtol=1e-6)
    assert faded.item.tolist() == world.item.tolist()
    np.testing.assert_allclose(world.weight[4:], [0.3, 0.3, 0.2])  # the given world is as it was


def test_a_world_without_personas_is_returned_as_it_is() -> None:
    humans = small_world().take(~small_world().synthetic)
    assert fade_synthetic(humans, half=1.0) is humans


def test_a_half_of_nothing_is_refused_by_value() -> None:
    with pytest.raises(ValueError, match=r"half: received 0\.0"):
        fade_synthetic(small_world(), half=0.0)
