import pytest

from personas.ml.lab_arms import (
    EVERYONE,
    LETTERS,
    NUMBER,
    SHIPPED,
    ArmSettings,
    cell_seed,
    everyone_prefix,
    grid_arms,
    person_prefix,
    shorten_bio,
)

GRID = {
    "temperature": [0.0, 1.0],
    "top_p": [0.9, 1.0],
    "top_k": [0],
    "repetition_penalty": [1.0, 1.2],
    "bio": ["none", "full"],
}
PERSONA = {"name": "Clara Dunmore", "gender": "woman", "style": "casual", "dislikes": "floral, heels", "bio": "Cycles."}


def test_the_grid_makes_each_combination_once_and_greedy_arms_ignore_what_only_sampling_knows() -> None:
    arms = grid_arms(NUMBER, GRID)
    greedy = [arm for arm in arms if arm.temperature == 0]
    assert len(arms) == len(set(arms)) == 12
    assert len(greedy) == 4
    assert {(arm.top_p, arm.top_k) for arm in greedy} == {(1.0, 0)}


def test_a_letters_template_is_also_read_by_label_probabilities_once_per_bio() -> None:
    arms = grid_arms(LETTERS, GRID)
    assert [(arm.reading, arm.bio) for arm in arms[:2]] == [("probabilities", "none"), ("probabilities", "full")]
    assert [arm.reading for arm in arms[2:]] == ["written"] * 12


def test_settings_survive_json() -> None:
    settings = ArmSettings(temperature=0.3, top_k=7, bio="short")
    assert ArmSettings.from_json(settings.as_json()) == settings
    sampling = settings.sampling(EVERYONE, seed=5, people=10)
    assert (sampling.temperature, sampling.top_k, sampling.seed, sampling.max_tokens) == (0.3, 7, 5, 88)


def test_a_bio_is_told_whole_by_its_first_sentence_or_not_at_all() -> None:
    bio = "Clara cycles everywhere. She will not wear floral."
    assert [shorten_bio(bio, richness) for richness in ("none", "short", "full")] == [
        "",
        "Clara cycles everywhere.",
        bio,
    ]
    assert shorten_bio("One sentence", "short") == "One sentence"
    with pytest.raises(ValueError, match="received 'rich'"):
        shorten_bio(bio, "rich")


def test_the_shipped_templates_differ_in_what_they_name_and_their_words_fill() -> None:
    prefixes = {}
    for text in SHIPPED:
        if text.style == EVERYONE:
            continue
        prefixes[text.name] = person_prefix(text.prefix, PERSONA, meanings=text.meanings, examples=text.examples)
        assert "Dislikes: floral, heels" in prefixes[text.name].splitlines()
        assert "Budget" not in prefixes[text.name]
        assert "{" not in prefixes[text.name]
    assert "would not take it for free" not in prefixes["strict numeric"]
    assert "-1: strongly dislikes it and would never wear it" in prefixes["described scale"].splitlines()
    assert "Neon mesh top" not in prefixes["described scale"]
    assert prefixes["with -1 examples"].count("Rating: -1") == 2
    assert "A:" not in prefixes["with -1 examples"]


def test_all_personas_stand_in_one_prompt_a_numbered_line_each() -> None:
    everyone = next(text for text in SHIPPED if text.style == EVERYONE)
    lines = everyone_prefix(everyone.prefix, [PERSONA, {"name": "Max\n9: 10", "bio": ""}]).splitlines()
    assert "1. Clara Dunmore, woman; style: casual; dislikes: floral, heels. Cycles." in lines
    assert "2. Max 9: 10" in lines


def test_a_cell_draws_with_the_same_seed_in_every_arm_and_another_cell_with_another() -> None:
    assert cell_seed(3, 1, 2) == cell_seed(3, 1, 2)
    assert len({cell_seed(3, persona, product) for persona in range(20) for product in range(20)}) == 400
    assert 0 <= cell_seed(3, 1, 2) < 2**32
