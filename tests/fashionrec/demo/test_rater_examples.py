"""What the small rater is taught: the public part of taste, in the shop's own prompts, nothing that is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from fashionrec.demo.product_corpus import draw_products
from fashionrec.demo.rater_examples import MARKS, PARTS, RaterExamples, teach
from fashionrec.demo.rater_figures import in_order
from fashionrec.simulation.taste import Taste
from personas.ml.persona_draft import PersonaDraft
from personas.ml.prompt_text import ASCENDING, DESCENDING, PREFIX, PRODUCT_FIELDS, fill_prefix
from personas.ml.structured_output import first_json_object

PERSONA = {
    "gender": "woman", "age_band": "25-34", "region": "capital", "occupation": "creative", "style": "casual",
    "budget": "low", "likes": "denim", "dislikes": "wool, neon", "name": "Ann", "brands": "", "bio": "",
}  # fmt: skip
PRODUCT = {
    **dict.fromkeys(PRODUCT_FIELDS, ""),
    "title": "Grey coat", "gender": "women", "material": "wool", "price": "120.00",
}  # fmt: skip


@pytest.fixture(scope="module")
def examples() -> RaterExamples:
    return RaterExamples(seed=5, products=200)


def test_the_same_seed_and_step_give_the_same_examples(examples: RaterExamples) -> None:
    again = RaterExamples(seed=5, products=200)
    first, second = examples.packs(3, count=2, size=4), again.packs(3, count=2, size=4)
    assert [pack.prefix for pack in first] == [pack.prefix for pack in second]
    assert [pack.suffixes for pack in first] == [pack.suffixes for pack in second]
    assert examples.documents(3, count=2) == again.documents(3, count=2)
    assert examples.packs(4, count=1, size=4)[0].prefix != first[0].prefix


def test_the_teacher_knows_no_hidden_affinity_of_any_seed() -> None:
    public = [Taste(seed=seed, affinity_scale=0.0) for seed in (0, 1, 2026)]
    scores = [taste.scores([PERSONA], [PRODUCT, {**PRODUCT, "colour": "teal", "season": "winter"}]) for taste in public]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])
    assert scores[0][0, 0] == scores[0][0, 1]
    with pytest.raises(ValueError, match="affinity_scale: must not be negative"):
        Taste(seed=0, affinity_scale=-1.0)


def test_without_the_new_argument_taste_is_what_it_was() -> None:
    plain = Taste(seed=7).scores([PERSONA], [PRODUCT])
    np.testing.assert_array_equal(plain, Taste(seed=7, affinity_scale=0.75).scores([PERSONA], [PRODUCT]))
    assert plain[0, 0] != Taste(seed=8).scores([PERSONA], [PRODUCT])[0, 0]


def test_the_terms_add_up_to_the_taste_and_a_disliked_word_in_the_title_counts() -> None:
    taste = Taste(seed=0, affinity_scale=0.0)
    scores, parts = teach(taste, PERSONA, [PRODUCT, {**PRODUCT, "title": "Neon coat"}], price_edges=(40.0, 80.0))
    np.testing.assert_allclose(parts[0], [0.0, -1.4, 0.0, -2.8, 0.0])
    np.testing.assert_allclose(scores, [-4.2, -5.0])  # the second dislike reaches the end of the range
    np.testing.assert_allclose(parts[1], [0.0, -1.4, 0.0, -5.0, 0.0])


def test_packs_are_prompts_of_the_shop_with_distributions_that_use_the_whole_scale(examples: RaterExamples) -> None:
    packs = examples.packs(0, count=40, size=12)
    shares = np.concatenate([pack.probabilities for pack in packs])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-5)
    assert set(shares.argmax(axis=1)) == set(range(11))
    assert 0.03 < (shares.argmax(axis=1) == 0).mean() < 0.2
    assert {pack.order for pack in packs} == {ASCENDING, DESCENDING}
    for pack in packs:
        assert pack.prefix.startswith("You are ")
        assert all(suffix.endswith("\nRating:") for suffix in pack.suffixes)
        assert ("A: -1" in pack.prefix) == (pack.order == ASCENDING)


def test_marks_point_at_the_words_that_decide(examples: RaterExamples) -> None:
    seen = set()
    for pack in examples.packs(1, count=60, size=12):
        disliked = next((line for line in pack.prefix.split("\n") if line.startswith("Dislikes: ")), "").lower()
        for suffix, spans in zip(pack.suffixes, pack.hints.marks, strict=True):
            for start, end, kind in spans:
                seen.add(MARKS[kind])
                if MARKS[kind] == "dislike":
                    assert suffix[start:end].lower().replace("-", "")[:3] in disliked.replace("-", "")
                if MARKS[kind] == "other gender":
                    assert suffix[: end + 1].rsplit("\n", 2)[1].startswith("Gender: ")
        assert pack.hints.parts.shape == (12, len(PARTS))
    assert seen == set(MARKS)


def test_documents_answer_a_request_with_a_valid_person_and_end(examples: RaterExamples) -> None:
    for document in examples.documents(0, count=30):
        assert document.prompt.endswith("\n\nJSON:")
        assert document.continuation.startswith(' {"name": ')
        assert document.continuation.endswith("}\n\n")
        PersonaDraft.model_validate(first_json_object(document.continuation))


def test_the_other_label_order_is_the_prefix_as_the_shop_would_write_it(examples: RaterExamples) -> None:
    pack = examples.packs(2, count=1, size=2)[0]
    there = in_order(pack, DESCENDING)
    assert there.prefix != in_order(pack, ASCENDING).prefix
    assert in_order(there, pack.order).prefix == pack.prefix
    up, down = (fill_prefix(PREFIX, PERSONA, order=order) for order in (ASCENDING, DESCENDING))
    assert in_order(type(pack)(up, pack.suffixes, pack.probabilities, ASCENDING), DESCENDING).prefix == down


def test_products_of_imagined_shops_fill_the_fields_and_prices_follow_the_currency() -> None:
    rng = np.random.default_rng(0)
    scales = set()
    for _ in range(60):
        products, (low, high) = draw_products(rng, count=5)
        scales.add(round(low / 40.0))
        assert high == 2 * low
        assert all(set(product) == set(PRODUCT_FIELDS) and product["title"] for product in products)
    assert scales == {1, 10, 25, 90}
