"""Names out of what sets a cluster apart."""

import numpy as np
import pytest

from catalog.ml.cluster_names import ProductFacts, portray_clusters

SHIRT = ProductFacts("Oxford shirt", "Men > Clothing > Shirts", "navy", "striped", "cotton", "men", "Aster")
DRESS = ProductFacts("Summer dress", "Women > Clothing > Dresses", "red", "floral", "linen", "women", "Vale")
JEANS = ProductFacts("Slim jeans", "Men > Clothing > Jeans", "blue", "plain", "denim", "men", "Aster")


def names(groups, **options):
    """Names of clusters given as lists of facts, in their order."""
    products = [facts for group in groups for facts in group]
    labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    return [portrait.name for portrait in portray_clusters(products, labels, **options).values()]


def changed(facts, n, **fields):
    return [ProductFacts(**{**facts.__dict__, **fields})] * n


def test_a_name_says_what_is_common_inside_and_rare_outside():
    assert names([[SHIRT] * 6, [DRESS] * 6, [JEANS] * 6]) == [
        "Navy striped shirts", "Red floral dresses", "Blue denim jeans",
    ]  # fmt: skip


def test_what_is_common_everywhere_is_not_said():
    red = changed(SHIRT, 6, colour="red", pattern="checked", gender="women")
    navy = changed(SHIRT, 6, colour="navy", pattern="checked", gender="women")
    assert names([red, navy]) == ["Red shirts", "Navy shirts"]


def test_like_names_are_parted_by_the_next_distinguishing_attribute_then_by_number():
    shirts = changed(SHIRT, 8, title="Shirt", material="")
    again = changed(SHIRT, 6, title="Shirt", material="")
    once_more = changed(SHIRT, 4, title="Shirt", material="", brand="")
    assert names([shirts, again, once_more, [DRESS] * 30]) == [
        "Navy striped shirts", "Men’s navy striped shirts", "Men’s navy striped shirts 2", "Red floral dresses",
    ]  # fmt: skip


def test_a_taken_name_is_given_to_no_other():
    assert names([[SHIRT] * 6, [DRESS] * 6], taken={"navy STRIPED shirts"})[0] == "Men’s navy striped shirts"


def test_two_categories_a_shelf_or_pieces_where_no_one_category_is_most():
    halves = [*[SHIRT] * 4, *changed(SHIRT, 4, category="Men > Tops"), *changed(SHIRT, 2, category="Men > Ties")]
    many = [changed(SHIRT, 1, category=f"Men > Clothing > Kind {number}")[0] for number in range(10)]
    unlike = [changed(SHIRT, 1, category=f"Shelf {number} > Kind {number}")[0] for number in range(10)]
    crowd = [DRESS] * 30
    assert names([halves, crowd])[0] == "Navy striped shirts and tops"
    assert names([many, crowd])[0] == "Navy striped clothing"
    assert names([unlike, crowd])[0] == "Navy striped mixed pieces"


def test_two_colours_stand_together_where_none_is_most():
    half = changed(SHIRT, 4, colour="beige", pattern="", material="") + changed(
        SHIRT, 4, colour="cream", pattern="", material=""
    )
    half += changed(SHIRT, 2, colour="navy", pattern="", material="")
    assert names([half, changed(SHIRT, 20, pattern="", material="")])[0] == "Beige and cream shirts"


def test_attributes_carry_shares_and_words_of_titles_only_where_no_attribute_says_them():
    products = [SHIRT] * 4 + [DRESS] * 6
    portrait = portray_clusters(products, np.array([0] * 4 + [-1] * 6))[0]
    facts = {(fact["field"], fact["value"]): fact for fact in (one.as_dict() for one in portrait.distinctions)}
    assert facts["colour", "navy"] == {"field": "colour", "value": "navy", "share": 1.0, "share_elsewhere": 0.0}
    assert ("word", "oxford") in facts
    assert ("word", "shirt") not in facts
    assert ("shelf", "men") not in facts


def test_bare_products_still_get_a_name_and_lengths_must_agree():
    assert names([[ProductFacts()] * 3, [ProductFacts()] * 3]) == ["Mixed pieces", "Mixed pieces 2"]
    with pytest.raises(ValueError, match="received 1 for 2 products"):
        portray_clusters([SHIRT, SHIRT], np.array([0]))
