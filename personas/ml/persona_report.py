"""What a set of personas is worth: are the quotas met, is anybody there twice, how varied are the words, and does
the writer dress people by their gender."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from personas.ml.near_duplicates import LIMIT, distinct_2, neighbours, person_text
from personas.ml.persona_draft import CELL_ATTRIBUTES

FOLDS = 5
TELLING_WORDS = 10
HISTOGRAM_BINS = 10


@dataclass(frozen=True)
class Person:
    """One person as the report sees it. cell: a value for each of CELL_ATTRIBUTES; words: likes, dislikes, brands."""

    key: str
    cell: Mapping[str, str]
    likes: Sequence[str]
    dislikes: Sequence[str]
    brands: Sequence[str]
    bio: str

    @property
    def text(self) -> str:
        return person_text(bio=self.bio, brands=self.brands, dislikes=self.dislikes)


def describe_people(people: Sequence[Person], *, seed: int = 0) -> dict[str, Any]:
    """Nearest neighbours, distinct-2 of the bios and the stereotype check, as JSON. seed: parts the folds."""
    return {
        "people": len(people),
        "nearest": nearest_neighbours(people),
        "distinct_2": round(distinct_2([person.bio for person in people]), 4),
        "stereotype": stereotype_check(people, seed=seed),
    }


def quota_table(asked: Sequence[Mapping[str, str]], got: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """People asked for and got per attribute value, and over the joint table of all attributes.

    exact: every combination of all attributes has exactly the people it was drawn for.
    """
    table: dict[str, dict[str, list[int]]] = {}
    for attribute in CELL_ATTRIBUTES:
        wanted, found = Counter(cell[attribute] for cell in asked), Counter(cell[attribute] for cell in got)
        table[attribute] = {value: [wanted[value], found[value]] for value in sorted(wanted | found)}
    wanted_cells, found_cells = joint_table(asked), joint_table(got)
    return {
        "attributes": table,
        "cells": len(wanted_cells),
        "missing": (wanted_cells - found_cells).total(),
        "unasked": (found_cells - wanted_cells).total(),
        "exact": wanted_cells == found_cells,
    }


def joint_table(cells: Iterable[Mapping[str, str]]) -> Counter[tuple[str, ...]]:
    """How many people have each combination of all attribute values, in the order of CELL_ATTRIBUTES."""
    return Counter(tuple(cell[attribute] for attribute in CELL_ATTRIBUTES) for cell in cells)


def nearest_neighbours(people: Sequence[Person]) -> dict[str, Any]:
    """Histogram of the cosine to the nearest other person (bins of 0.1), the highest one, and pairs above LIMIT."""
    found = neighbours([person.text for person in people])
    counts, _ = np.histogram(found.cosine, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    closest = int(found.cosine.argmax()) if people else -1
    other = int(found.index[closest]) if people else -1
    return {
        "histogram": [int(count) for count in counts],
        "maximum": round(float(found.cosine.max()), 4) if people else 0.0,
        "pair": [people[closest].key, people[other].key] if other >= 0 else [],
        "limit": LIMIT,
        "pairs_above": len(found.above),
    }


def stereotype_check(people: Sequence[Person], *, seed: int = 0) -> dict[str, Any]:
    """How well gender is told from style, brands, likes and dislikes: logistic regression, cross-validated.

    auc: of the most frequent gender against the others; 0.5 means that nothing gives it away. accuracy stands beside
    base_rate, what always guessing that gender would reach. With fewer than FOLDS people of two genders: a reason.
    """
    genders = Counter(person.cell["gender"] for person in people)
    if len(genders) < 2 or min(genders.values()) < FOLDS:
        return {"reason": f"needs at least {FOLDS} people of each of two genders, received {dict(genders)}"}
    frequent = genders.most_common(1)[0][0]
    target = np.array([person.cell["gender"] == frequent for person in people])
    vectorizer = DictVectorizer()
    features = vectorizer.fit_transform([_words(person) for person in people])
    model = LogisticRegression(max_iter=1000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    probabilities = cross_val_predict(model, features, target, cv=folds, method="predict_proba")[:, 1]
    names, weights = vectorizer.get_feature_names_out(), model.fit(features, target).coef_[0]
    order = np.argsort(weights)
    others = ", ".join(sorted(set(genders) - {frequent}))
    return {
        "accuracy": round(float(((probabilities >= 0.5) == target).mean()), 4),
        "auc": round(float(roc_auc_score(target, probabilities)), 4),
        "base_rate": round(genders[frequent] / len(people), 4),
        "folds": FOLDS,
        "telling": {
            frequent: [str(names[i]) for i in order[::-1][:TELLING_WORDS] if weights[i] > 0],
            others: [str(names[i]) for i in order[:TELLING_WORDS] if weights[i] < 0],
        },
    }


def _words(person: Person) -> dict[str, float]:
    named = [f"style {person.cell['style']}"]
    for field in ("brands", "likes", "dislikes"):
        named += [f"{field} {word.strip().lower()}" for word in getattr(person, field)]
    return dict.fromkeys(named, 1.0)
