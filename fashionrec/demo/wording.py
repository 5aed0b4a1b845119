"""Titles and descriptions: a small grammar over a product's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fashionrec.demo.vocabulary import Kind


@dataclass(frozen=True)
class Subject:
    """What the grammar speaks about."""

    kind: Kind
    brand: str
    gender: str
    colour: str
    material: str
    pattern: str
    season: str
    attributes: Mapping[str, str]

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


_SAID_IN_TITLE = ("shape", "length", "fit", "neckline", "sleeve")
# Values that a title would not spell out, because they are the ordinary case.
_ORDINARY = {
    "regular",
    "full length",
    "short",
    "collar",
    "hood",
    "long sleeve",
    "crew neck",
    "low-top",
    "baseball",
    "round neck",
    "high collar",
}
_KNITTED = {
    "cable knit": "cable-knit",
    "cotton knit": "cotton-knit",
    "technical knit": "knitted",
    "elastane blend": "stretch",
}


def title(subject: Subject, rng: np.random.Generator) -> str:
    """Title such as "Marlow & Finch checked flannel shirt", at most 100 characters."""
    kind = subject.kind
    words: list[str] = []
    spoken = [subject.get(name) for name in _SAID_IN_TITLE]
    spoken = [value for value in spoken if value and value not in _ORDINARY and value not in kind.noun]
    if spoken and rng.random() < 0.75:
        words.append(spoken[0])
        if len(spoken) > 1 and rng.random() < 0.35:
            words.append(spoken[1])
    naming = rng.random()
    if naming < 0.4:
        words.append(subject.colour)
    if subject.pattern != "plain":
        words.append(subject.pattern)
    show_material = subject.material not in kind.noun and (rng.random() < 0.7 or subject.pattern == "plain")
    if show_material:
        words.append(_KNITTED.get(subject.material, subject.material))
    noun = kind.noun
    if "shirt dress" in words and noun == "dress":
        words.remove("shirt dress")
        noun = "shirt dress"
    phrase = " ".join(words)
    named = f"{phrase} {noun}".strip()
    if 0.4 <= naming < 0.85:
        named += f" in {subject.colour}"
    return f"{subject.brand} {named}"[:100]


def description(subject: Subject, rng: np.random.Generator) -> str:
    """Two to four sentences: cut and colour, the feel of the material, an occasion, care."""
    sentences = [_opening(subject, rng)]
    middle = [_feel(subject, rng), _occasion(subject, rng), _cut(subject, rng)]
    middle = [sentence for sentence in middle if sentence]
    keep = 1 + int(rng.random() < 0.6)
    chosen = sorted(rng.permutation(len(middle))[:keep].tolist())
    sentences += [middle[index] for index in chosen]
    if rng.random() < 0.65:
        sentences.append(_care(subject, rng))
    return " ".join(sentences)


def _pick(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _article(words: str) -> str:
    return f"{'an' if words[:1].lower() in 'aeio' else 'a'} {words}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


_WEARER = {"women": "women", "men": "men", "unisex": "everyone", "girls": "girls", "boys": "boys"}
_CHARACTER = {
    "casual": ("easygoing", "relaxed", "everyday"),
    "formal": ("polished", "sharp", "refined"),
    "sporty": ("sporty", "lightweight", "energetic"),
    "boho": ("free-spirited", "laid-back", "bohemian"),
    "streetwear": ("street-ready", "bold", "urban"),
    "classic": ("timeless", "classic", "well-made"),
    "minimal": ("clean-lined", "pared-back", "quiet"),
    "romantic": ("romantic", "soft", "feminine"),
    "outdoor": ("hard-wearing", "trail-ready", "weatherproof"),
}
_PATTERN = {
    "striped": ("with stripes in a second colour", "in a crisp stripe", "striped from top to bottom"),
    "dotted": ("scattered with dots", "in a playful dot print", "covered in neat dots"),
    "checked": ("in a bold check", "in a woven check", "with a checked pattern"),
    "floral": ("printed with flowers", "in a floral print", "blooming with a floral pattern"),
}


def _opening(subject: Subject, rng: np.random.Generator) -> str:
    kind, noun = subject.kind, subject.kind.noun
    character = _pick(rng, _CHARACTER[subject.get("style")])
    if character == "feminine" and subject.gender not in ("women", "girls"):
        character = "soft"
    if character == "weatherproof" and subject.material not in ("nylon", "polyester", "recycled polyester", "rubber"):
        character = "hard-wearing"
    printed = _pick(rng, _PATTERN[subject.pattern]) if subject.pattern != "plain" else ""
    thing = f"{character} {subject.colour} {noun}"
    for_whom = f" for {_WEARER[subject.gender]}"
    tail = f", {printed}" if printed else ""
    made = f" in {subject.material}" if subject.material not in noun else ""
    if kind.plural:
        return _pick(
            rng,
            (
                f"{_sentence(thing)}{made}{for_whom}{tail}.",
                f"These {thing} come{made}{tail}.",
                f"{subject.brand} cuts these {thing}{made}{for_whom}{tail}.",
            ),
        )
    return _pick(
        rng,
        (
            f"{_sentence(_article(thing))}{made}{for_whom}{tail}.",
            f"This {thing} comes{made}{tail}.",
            f"{subject.brand} makes this {thing}{made}{for_whom}{tail}.",
            f"Meet {_article(thing)}{made}{tail}.",
        ),
    )


_FEEL: dict[str, tuple[str, ...]] = {
    "cotton": ("the cotton is breathable and gets softer with every wash", "midweight cotton holds its shape all day"),
    "organic cotton": ("organic cotton feels soft on the skin", "it is knitted from cotton grown without pesticides"),
    "jersey": ("the jersey drapes softly and stretches where you need it",),
    "flannel": ("brushed flannel keeps the chill out", "the flannel is brushed on both sides for warmth"),
    "poplin": ("crisp poplin stays smooth from morning to evening",),
    "linen": ("airy linen keeps you cool and creases in the best way", "the linen has a visible weave and a dry hand"),
    "denim": ("sturdy denim softens and fades with wear", "the denim is washed for a lived-in look"),
    "wool": ("pure wool warms without weight", "the wool is dense, soft and naturally water-repellent"),
    "merino": ("fine merino regulates temperature and never itches",),
    "cashmere": ("cashmere makes it light as air and very warm",),
    "cable knit": ("thick cables add texture and warmth",),
    "cotton knit": ("the ribbed cotton knit gives and springs back",),
    "fleece": ("the brushed fleece inside is soft and warm",),
    "tweed": ("flecked tweed gives depth to the colour",),
    "corduroy": ("fine corduroy ribs feel velvety to the touch",),
    "velvet": ("velvet catches the light with every move",),
    "silk": ("washed silk has a gentle sheen and a fluid fall", "the silk feels cool and light"),
    "satin": ("glossy satin slides over the skin", "the satin shimmers softly in evening light"),
    "viscose": ("flowing viscose moves with you",),
    "chiffon": ("sheer chiffon floats over a soft lining",),
    "polyester": ("the fabric dries fast and needs no ironing",),
    "nylon": ("the nylon shell blocks wind and sheds light rain",),
    "recycled polyester": ("it is made from recycled bottles and dries in no time",),
    "technical knit": ("the knitted mesh breathes and wicks moisture",),
    "elastane blend": ("stretch yarns follow every move and recover their shape",),
    "leather": ("smooth leather ages beautifully", "full-grain leather gains character over the years"),
    "patent leather": ("patent leather shines like a mirror",),
    "vegan leather": ("vegan leather gives the look without the animal",),
    "suede": ("soft suede has a velvety nap",),
    "canvas": ("tough canvas takes whatever the day brings",),
    "straw": ("woven straw is light and airy",),
    "felt": ("pressed felt keeps its shape",),
    "rubber": ("the rubber keeps every drop out",),
    "steel": ("brushed stainless steel resists scratches",),
    "acetate": ("polished acetate is light and strong",),
}


def _feel(subject: Subject, rng: np.random.Generator) -> str:
    return _sentence(_pick(rng, _FEEL[subject.material])) + "."


_OCCASIONS: dict[str, tuple[str, ...]] = {
    "everyday": ("Made for every day.", "An easy choice for busy days.", "Goes with almost everything you own."),
    "weekend": ("Made for slow weekends.", "Just right for coffee runs and long walks."),
    "holiday": ("Pack it for your next holiday.", "Made for sunny days away."),
    "office": ("Smart enough for the office.", "Takes you from desk to dinner."),
    "dinner": ("Lovely for dinner with friends.", "A good reason to go out tonight."),
    "party": ("Ready for the next party.", "Made to be danced in."),
    "wedding": ("A fine choice for weddings and celebrations.", "Dressed up and ready for the ceremony."),
    "sport": ("Ready for training and the way home.", "Keeps up with every session."),
    "outdoors": ("Built for wind, rain and long trails.", "Take it outdoors, whatever the forecast."),
    "travel": ("A reliable companion for trips.", "Carries all you need on the road."),
    "beach": ("Made for the beach and the pool.", "Salt water and sun welcome."),
    "sleep": ("For long nights and slow mornings.", "Sleep well."),
}


def _occasion(subject: Subject, rng: np.random.Generator) -> str:
    said = _pick(rng, _OCCASIONS[subject.get("occasion")])
    if subject.season and rng.random() < 0.4:
        said = said[:-1] + _pick(rng, (f", a favourite for {subject.season}.", f", best in {subject.season}."))
    return said.replace("Pack it", "Pack them").replace("Take it", "Take them") if subject.kind.plural else said


_VISIBLE: dict[str, str] = {
    "slim": "a slim fit",
    "regular": "a regular fit",
    "relaxed": "a relaxed fit",
    "oversized": "an oversized fit",
    "skinny": "a skinny fit",
    "straight": "a straight leg",
    "wide leg": "a wide leg",
    "crew neck": "a crew neck",
    "round neck": "a round neck",
    "scoop neck": "a scoop neck",
    "v-neck": "a V-neck",
    "boat neck": "a boat neck",
    "square neck": "a square neck",
    "turtleneck": "a turtleneck",
    "sweetheart": "a sweetheart neckline",
    "collar": "a neat collar",
    "high collar": "a high collar",
    "hood": "a roomy hood",
    "sleeveless": "no sleeves",
    "short sleeve": "short sleeves",
    "long sleeve": "long sleeves",
    "mini": "a mini length",
    "midi": "a midi length",
    "maxi": "a maxi length",
    "7/8 length": "a 7/8 length",
    "a-line": "an A-line shape",
    "pleated": "sharp pleats",
    "pencil": "a pencil shape",
    "wrap": "a wrap front",
    "bodycon": "a close-fitting shape",
    "slip": "slender straps",
    "tiered": "gathered tiers",
    "buttons": "a button front",
    "zip": "a smooth zip",
    "laces": "sturdy laces",
    "drawstring": "a drawstring waist",
    "single-breasted": "a single-breasted front",
    "double-breasted": "a double-breasted front",
    "chest pocket": "a chest pocket",
    "graphic print": "a graphic print on the chest",
    "ringer": "a contrast neck",
    "contrast collar": "a contrast collar",
    "pussy bow": "a bow at the neck",
    "ruffle": "a ruffled front",
    "turn-up": "a deep turn-up",
    "pompom": "a pompom on top",
    "penny strap": "a penny strap",
    "tassel": "little tassels",
    "horsebit": "a golden bit",
    "bow": "a small bow",
    "pin buckle": "a pin buckle",
    "round buckle": "a round buckle",
    "three-hand": "three slim hands",
    "chronograph": "chronograph dials",
    "low-top": "a low top",
    "high-top": "a high top",
    "runner": "a runner's sole",
    "chelsea": "elastic Chelsea panels",
    "lace-up": "laces up the front",
    "ankle": "an ankle-high shaft",
    "knee-high": "a knee-high shaft",
    "strappy": "slim straps",
    "slide": "one wide strap",
    "gladiator": "gladiator straps",
    "stiletto": "a stiletto heel",
    "block heel": "a block heel",
    "ankle strap": "an ankle strap",
    "top handle": "two top handles",
    "shoulder": "a shoulder strap",
    "saddle": "a saddle flap",
    "rolltop": "a roll top",
    "zip-around": "a zip all around",
    "fedora": "a pinched fedora crown",
    "wide brim": "a wide brim",
    "bucket": "a stitched bucket brim",
    "round": "round lenses",
    "square": "square lenses",
    "cat-eye": "cat-eye lenses",
    "aviator": "aviator lenses",
}


def _cut(subject: Subject, rng: np.random.Generator) -> str:
    names = ("fit", "shape", "neckline", "sleeve", "length", "closure", "detail")
    parts = [_VISIBLE[subject.get(name)] for name in names if subject.get(name) in _VISIBLE]
    if not parts:
        return ""
    chosen = [parts[index] for index in sorted(rng.permutation(len(parts))[: 2 + int(rng.random() < 0.4)].tolist())]
    listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]]) if len(chosen) > 1 else chosen[0]
    verb = _pick(
        rng, ("come with", "have", "are cut with") if subject.kind.plural else ("comes with", "has", "is cut with")
    )
    they = "They" if subject.kind.plural else "It"
    if subject.kind.group != "Clothing":
        verb = verb.replace("are cut with", "feature").replace("is cut with", "features")
    return f"{they} {verb} {listed}."


def _care(subject: Subject, rng: np.random.Generator) -> str:
    material = subject.material
    if subject.kind.group == "Shoes" or material in ("leather", "patent leather", "suede", "vegan leather"):
        return _pick(
            rng,
            (
                "Wipe clean and let dry away from heat.",
                "Treat with care cream twice a year.",
                "Brush off dirt with a soft brush.",
            )
            if material != "suede"
            else ("Brush gently and protect with spray.", "Keep away from rain."),
        )
    if subject.kind.category in ("Watches", "Sunglasses", "Hats", "Belts"):
        return _pick(rng, ("Wipe with a soft cloth.", "Comes in a protective case.", "Store it dry."))
    if material in ("wool", "merino", "cashmere", "cable knit", "silk", "tweed", "velvet", "felt"):
        return _pick(
            rng, ("Hand wash cold, dry flat.", "Dry clean or wash by hand.", "Use a wool programme and dry flat.")
        )
    return _pick(
        rng, ("Machine wash at 30 °C.", "Wash cold with similar colours.", "Machine washable; do not tumble dry.")
    )
