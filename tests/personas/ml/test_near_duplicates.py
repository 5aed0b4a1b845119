import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from personas.ml.near_duplicates import PersonaIndex, bigrams, distinct_2, neighbours, person_text


def random_texts(count, seed=0, words=40):
    generator = np.random.default_rng(seed)
    return [" ".join(f"w{number}" for number in generator.zipf(1.3, size=words) % 300) for _ in range(count)]


def reference(texts, **options):
    vectors = TfidfVectorizer(ngram_range=(2, 2), **options).fit_transform(texts)
    return (vectors @ vectors.T).toarray()


def test_bigrams_are_those_of_scikit_learn():
    text = "A cat's life: Été in the CITY, at 9 o'clock; über_cool — no-one else.\nNavy, wool"
    analyser = TfidfVectorizer(ngram_range=(2, 2)).build_analyzer()
    assert [" ".join(pair) for pair in bigrams(text)] == analyser(text)


def test_the_nearest_text_has_the_higher_of_the_weighted_and_the_plain_cosine_of_scikit_learn():
    index, texts = PersonaIndex(), random_texts(120)
    assert index.nearest(texts[0]) is None
    for size, text in enumerate(texts):
        twin = index.nearest(text)
        if size in (1, 2, 5, 30, 119):
            both = np.maximum(
                reference(texts[: size + 1])[size, :size], reference(texts[: size + 1], use_idf=False)[size, :size]
            )
            assert twin.cosine == pytest.approx(both.max(), abs=1e-12)
            assert both[twin.index] == pytest.approx(both.max(), abs=1e-12)
        index.add(text)
    assert len(index) == 120
    assert index.nearest(texts[77]).index == 77
    assert index.nearest(texts[77]).cosine == pytest.approx(1.0)


def test_words_that_nobody_used_yet_lengthen_the_new_text():
    index = PersonaIndex()
    index.add("red wool coat")
    assert index.nearest("red wool coat").cosine == pytest.approx(1.0)
    assert index.nearest("red wool coat with gold").cosine == pytest.approx(2 / (2**0.5 * 4**0.5))
    assert index.nearest("blue linen shirt").cosine == 0.0


@pytest.mark.parametrize("text", ["", "x", "word"])
def test_a_text_without_bigrams_is_like_nobody(text):
    index = PersonaIndex()
    index.add(text)
    index.add("red wool coat")
    assert index.nearest(text).cosine == 0.0
    assert index.nearest("red wool coat").index == 1
    assert neighbours([text, text]).above == []


def test_a_finished_set_is_judged_pair_by_pair():
    texts = random_texts(40, words=8)
    texts[31] = texts[4]
    texts[17] = texts[9] + " more"
    expected = reference(texts)
    np.fill_diagonal(expected, -1)
    found = neighbours(texts, limit=0.6)
    np.testing.assert_allclose(found.cosine, np.clip(expected.max(axis=1), 0, 1), atol=1e-12)
    pairs = {(i, j) for i, j in zip(*np.nonzero(expected > 0.6), strict=True) if i < j}
    assert {(4, 31), (9, 17)} <= pairs
    assert {(i, j) for i, j, _ in found.above} == pairs
    assert found.index[4] == 31


def test_blocks_make_no_difference(monkeypatch):
    texts = random_texts(30)
    whole = neighbours(texts, limit=0.2)
    monkeypatch.setattr("personas.ml.near_duplicates._BLOCK", 7)
    blocks = neighbours(texts, limit=0.2)
    np.testing.assert_array_equal(whole.cosine, blocks.cosine)
    assert whole.above == blocks.above
    assert len(whole.above) > 0


def test_one_text_has_no_neighbour():
    assert neighbours(["red wool coat"]).cosine.tolist() == [0.0]
    assert neighbours([]).cosine.tolist() == []


def test_distinct_2_is_the_share_of_bigrams_said_for_the_first_time():
    assert distinct_2(["red wool coat", "red wool scarf"]) == 3 / 4
    assert distinct_2([""]) == 0.0


def test_bio_brands_and_dislikes_are_compared():
    assert (
        person_text(bio="She walks.", brands=["Nordfell", "Kaia"], dislikes=["fur"])
        == "She walks.\nNordfell, Kaia\nfur"
    )
