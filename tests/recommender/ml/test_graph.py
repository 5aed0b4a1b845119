"""The graph and the matrices that layers aggregate with."""

import numpy as np
import pytest
import torch

from recommender.ml.dataset import Interactions
from recommender.ml.graph import (
    INTERACTS,
    ITEM,
    REVERSE_INTERACTS,
    SIMILAR,
    USER,
    belongs_to,
    build_graph,
    group_names,
    group_of_items,
    holds,
)
from recommender.ml.graph_messages import weighted_mean_matrix, whole_graph_messages
from recommender.ml.graph_neighbours import content_neighbours, nearest_items


def small_world() -> Interactions:
    content = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0]], dtype=np.float32)
    return Interactions.from_events(
        n_users=3,
        n_items=4,
        user=[0, 0, 0, 2],
        item=[2, 0, 1, 1],
        time=[3, 1, 2, 5],
        weight=[1, 1, 3, 1],
        synthetic=[False, False, False, True],
        content=content,
        user_features=[[0, 0], [5, 6], [7, 8]],
        groups={"brand": [1, 0, 1, -1], "category": [0, 0, 0, 0]},
    )


def test_content_neighbours_equal_a_full_sort_and_do_not_depend_on_the_block_size() -> None:
    content = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    similarity = content @ content.T
    np.fill_diagonal(similarity, -np.inf)
    expected = np.argsort(-similarity, axis=1)[:, :6]
    assert np.array_equal(content_neighbours(content, 6), expected)
    assert np.array_equal(content_neighbours(content, 6, block=7), expected)


def test_nearest_items_of_new_content_equal_a_full_sort() -> None:
    rng = np.random.default_rng(2)
    content, queries = rng.standard_normal((30, 8)), rng.standard_normal((7, 8))
    content[4] = queries[2] = 0
    expected = np.argsort(-queries @ np.delete(content, 4, axis=0).T, axis=1)[:, :5]
    expected += expected >= 4  # item 4 has no content and is nobody's neighbour
    expected[2] = -1
    assert np.array_equal(nearest_items(queries, content, 5, block=3), expected)


def test_an_item_without_content_neither_has_nor_is_a_neighbour() -> None:
    neighbours = content_neighbours(small_world().content, 3)
    assert neighbours.tolist() == [[1, 2, -1], [0, 2, -1], [1, 0, -1], [-1, -1, -1]]


def test_every_interaction_is_an_edge_in_both_directions() -> None:
    data = build_graph(small_world(), neighbours=content_neighbours(small_world().content, 1))
    assert data[INTERACTS].edge_index.tolist() == [[0, 0, 0, 2], [0, 1, 2, 1]]
    assert data[REVERSE_INTERACTS].edge_index.tolist() == [[0, 1, 2, 1], [0, 0, 0, 2]]
    assert data[SIMILAR].edge_index.tolist() == [[1, 0, 1], [0, 1, 2]]
    assert data[INTERACTS].weight.tolist() == [1, 3, 1, 1]
    assert data[ITEM].content.shape == (4, 2)


def test_brands_and_categories_are_nodes_that_items_belong_to_in_both_directions() -> None:
    data = build_graph(small_world(), neighbours=np.zeros((4, 0), np.int64))
    assert group_names(data) == ["brand", "category"]
    assert (data["brand"].num_nodes, data["category"].num_nodes) == (2, 1)
    assert data[belongs_to("brand")].edge_index.tolist() == [[0, 1, 2], [1, 0, 1]]
    assert data[holds("brand")].edge_index.tolist() == [[1, 0, 1], [0, 1, 2]]
    assert group_of_items(data, "brand").tolist() == [1, 0, 1, -1]


def test_personas_are_marked_users_and_everybody_brings_what_they_stated() -> None:
    data = build_graph(small_world(), neighbours=np.zeros((4, 0), np.int64))
    assert data[USER].features.tolist() == [[0, 0, 0], [0, 5, 6], [1, 7, 8]]


def test_a_group_called_like_another_node_type_is_refused() -> None:
    world = Interactions.from_events(n_users=1, n_items=1, user=[0], item=[0], time=[0], groups={"user": [0]})
    with pytest.raises(ValueError, match="groups: received 'user'"):
        build_graph(world, neighbours=np.zeros((1, 0), np.int64))


def test_a_repeated_interaction_is_refused_by_user_and_item() -> None:
    repeated = Interactions.from_events(n_users=2, n_items=9, user=[1, 1], item=[7, 7], time=[1, 2])
    with pytest.raises(ValueError, match="user 1 with item 7 2 times"):
        build_graph(repeated, neighbours=np.zeros((9, 0), dtype=np.int64))


def test_neighbours_of_another_catalogue_are_refused_with_their_shape() -> None:
    with pytest.raises(ValueError, match=r"expected 4 rows, received shape \(5, 2\)"):
        build_graph(small_world(), neighbours=np.zeros((5, 2), dtype=np.int64))


def test_a_weighted_mean_matrix_averages_and_gives_zeros_where_nothing_arrives() -> None:
    matrix = weighted_mean_matrix(
        torch.tensor([0, 0, 2, 3]), torch.tensor([1, 0, 1, 0]), torch.tensor([3.0, 1.0, 2.0, 0.0]), (4, 2)
    )
    expected = [[0.25, 0.75], [0, 0], [0, 1], [0, 0]]
    assert matrix.to_dense().tolist() == expected


def test_whole_graph_messages_weight_users_by_interaction_and_items_by_recency() -> None:
    world = small_world()
    data = build_graph(world, neighbours=content_neighbours(world.content, 1))
    messages = whole_graph_messages(data, half_lives=(1.0, 1e9), history_length=2, audience=9)
    # User 0 took 0, 1, 2: only the last two are read, the newest counts double.
    assert torch.allclose(messages.history[0].to_dense()[0], torch.tensor([0, 1 / 3, 2 / 3, 0]))
    assert torch.allclose(messages.history[1].to_dense()[0], torch.tensor([0, 0.5, 0.5, 0]))
    assert messages.history[0].to_dense()[1].tolist() == [0, 0, 0, 0]
    # Item 1 was taken by user 0 with weight 3 and by user 2 with weight 1.
    assert messages.interacts is not None
    assert messages.interacts.to_dense()[1].tolist() == [0.75, 0, 0.25]
    assert messages.similar.to_dense()[2].tolist() == [0, 1, 0, 0]
    # User 2 took it last: an audience of one is that user.
    latest = whole_graph_messages(data, half_lives=(1.0,), history_length=2, audience=1)
    assert latest.interacts is not None
    assert latest.interacts.to_dense()[1].tolist() == [0, 0, 1]
