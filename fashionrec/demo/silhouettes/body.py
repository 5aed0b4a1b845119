"""What all garments share: a body to hang on, the way cloth falls, and the parts of a top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fashionrec.demo.canvas import Fabric
from fashionrec.demo.geometry import Point, mirrored
from fashionrec.demo.palette import RGB, darker, lighter, luminance


@dataclass(frozen=True)
class Look:
    """What a silhouette needs to know of a product: cloth, trim colour, who wears it, visible attributes."""

    fabric: Fabric
    trim: RGB
    gender: str
    attributes: Mapping[str, str]
    rng: np.random.Generator

    @property
    def colour(self) -> RGB:
        return self.fabric.colour

    @property
    def feminine(self) -> bool:
        return self.gender in ("women", "girls")

    @property
    def small(self) -> bool:
        return self.gender in ("girls", "boys")

    def has(self, name: str, *values: str) -> bool:
        return self.attributes.get(name, "") in values

    def ink(self) -> RGB:
        """A line colour that shows on the cloth."""
        return lighter(self.colour, 0.28) if luminance(self.colour) < 0.16 else darker(self.colour, 0.45)

    def thread(self) -> RGB:
        """Top-stitching: tone in tone, lighter on dark cloth."""
        return lighter(self.colour, 0.45) if luminance(self.colour) < 0.3 else darker(self.colour, 0.35)


@dataclass(frozen=True)
class Cut:
    """Half-widths and heights of a top or dress in centimetres, y = 0 at the neck point of the shoulder."""

    shoulder: float = 20.0
    neck: float = 8.0
    neck_depth: float = 6.0
    neck_shape: str = "round"
    slope: float = 4.5
    chest: float = 24.0
    armpit: float = 21.0
    waist: float = 23.0
    waist_at: float = 42.0
    hem: float = 24.0
    length: float = 66.0
    sleeve: float = 0.0
    sleeve_width: float = 8.5
    cuff: float = 5.5
    slant: float = 17.0

    def at(self, y: float) -> float:
        """Half-width of the body at height y below the armpit."""
        heights = [self.armpit, self.waist_at, self.length]
        return float(np.interp(y, heights, [self.chest, self.waist, self.hem]))


def body_cut(look: Look, **changes: float | str) -> Cut:
    """The cut for who wears it and how it fits, then `changes`."""
    cut = {
        "women": Cut(18.5, 8.0, chest=21.5, waist=18.5, waist_at=39, hem=22.5, length=61, sleeve_width=7.5, cuff=4.8),
        "men": Cut(22.5, 8.2, chest=26.5, waist=25.5, waist_at=44, hem=25.5, length=70, sleeve_width=9.5, cuff=5.8),
        "unisex": Cut(21.5, 8.2, chest=25.5, waist=24.5, waist_at=43, hem=25.0, length=67, sleeve_width=9.0, cuff=5.6),
        "girls": Cut(17.5, 7.8, chest=20.5, waist=19.5, waist_at=32, hem=22.5, length=49, sleeve_width=7.8, cuff=5.0),
        "boys": Cut(18.8, 7.8, chest=22.0, waist=22.0, waist_at=33, hem=22.0, length=50, sleeve_width=8.4, cuff=5.4),
    }[look.gender]
    widen = {"slim": -1.4, "oversized": 3.4, "relaxed": 1.8, "boxy": 2.4}.get(look.attributes.get("fit", ""), 0.0)
    cut = replace(
        cut,
        shoulder=cut.shoulder + widen * 0.8,
        chest=cut.chest + widen,
        waist=cut.waist + widen * 1.3,
        hem=cut.hem + widen * 1.1,
        sleeve_width=cut.sleeve_width + widen * 0.5,
        cuff=cut.cuff + widen * 0.2,
    )
    return replace(cut, **changes)  # type: ignore[arg-type]  # numbers and one shape name by keyword


NECKLINES: dict[str, dict[str, float | str]] = {
    "crew neck": {"neck": 8.2, "neck_depth": 6.5},
    "round neck": {"neck": 9.0, "neck_depth": 8.0},
    "scoop neck": {"neck": 11.0, "neck_depth": 13.0},
    "v-neck": {"neck": 8.8, "neck_depth": 17.0, "neck_shape": "v"},
    "boat neck": {"neck": 13.0, "neck_depth": 4.2},
    "square neck": {"neck": 11.5, "neck_depth": 12.0, "neck_shape": "square"},
    "turtleneck": {"neck": 7.4, "neck_depth": 3.0},
    "sweetheart": {"neck": 12.0, "neck_depth": 14.0, "neck_shape": "sweetheart"},
}


def sleeve_length(look: Look, kind: str) -> float:
    """Centimetres along the arm, shorter for children."""
    full = {"women": 50.0, "men": 54.0, "unisex": 52.0, "girls": 38.0, "boys": 39.0}[look.gender]
    share = {"sleeveless": 0.0, "cap sleeve": 0.17, "short sleeve": 0.33, "elbow sleeve": 0.52, "long sleeve": 1.0}
    return full * share.get(kind, 1.0)


def neckline(cut: Cut) -> list[Point]:
    """Right half of the front neckline, from the centre up to the shoulder."""
    n, d = cut.neck, cut.neck_depth
    if cut.neck_shape == "v":
        return [(0, d), (n * 0.52, d * 0.5, 0.6), (n, 0)]
    if cut.neck_shape == "square":
        return [(0, d), (n * 0.88, d), (n, 0)]
    if cut.neck_shape == "sweetheart":
        return [(0, d), (n * 0.45, d - 3.4, 1.0), (n * 0.9, d - 1.0, 0.9), (n, 0)]
    return [(0, d, 1.1), (n * 0.72, d * 0.68, 1.0), (n, 0)]


def torso(cut: Cut, *, hem_drop: float = 0.8) -> list[Point]:
    """Outline of the front: neckline, shoulders, armholes, sides, hem."""
    middle = (cut.armpit + cut.waist_at) / 2
    return mirrored(
        [
            *neckline(cut),
            (cut.shoulder, cut.slope, 0.25),
            (min(cut.shoulder, cut.chest) - 1.4, cut.armpit * 0.62, 0.9),
            (cut.chest, cut.armpit),
            (cut.at(middle), middle, 0.7),
            (cut.waist, cut.waist_at, 0.9),
            (cut.hem, cut.length),
            (cut.hem * 0.5, cut.length + hem_drop * 0.7, 0.8),
            (0, cut.length + hem_drop, 0.8),
        ]
    )
