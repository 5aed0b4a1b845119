"""The sentence that stands for a product."""

from __future__ import annotations

from catalog.ml.captions import product_caption


def test_attributes_come_before_the_title() -> None:
    assert (
        product_caption(
            title="Wrap Dress",
            brand="Linden",
            category="Women > Clothing > Dresses",
            gender="women",
            colour="red",
            pattern="floral",
            material="silk",
        )
        == "red floral silk Dresses for women by Linden, Wrap Dress"
    )


def test_what_the_title_says_is_not_repeated() -> None:
    caption = product_caption(title="Linden red silk dresses for women", brand="Linden", category="Dresses",
                              gender="women", colour="Red", material="silk")  # fmt: skip
    assert caption == "Linden red silk dresses for women"


def test_a_title_alone_stays_as_it_is() -> None:
    assert product_caption(title="  Nike Men Grey \n Shorts ") == "Nike Men Grey Shorts"


def test_plain_is_not_worth_a_word_and_missing_facts_leave_no_trace() -> None:
    assert product_caption(title="", pattern="plain", colour="navy", category="Hats") == "navy Hats"
    assert product_caption(title="") == ""


def test_an_unlisted_gender_is_kept() -> None:
    assert product_caption(title="Cap", gender="adults") == "adults, Cap"
