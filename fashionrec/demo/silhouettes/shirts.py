"""Shirts, polo shirts and blouses."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import Cut, Look, torso
from fashionrec.demo.silhouettes.parts import buttons, drape, inside, neck_rib, sleeves
from fashionrec.demo.silhouettes.tops import chest_detail, frame_top, top_cut


def shirt_collar(canvas: Canvas, look: Look, cut: Cut, *, spread: float = 1.0, cloth_shade: float = -0.02) -> None:
    """A stand and two leaves; the neckline should be a small V."""
    n = cut.neck
    stand: list[Point] = [
        (-n, 0.5),
        (-n * 0.7, -3.2, 0.6),
        (0, -3.8, 0.8),
        (n * 0.7, -3.2, 0.6),
        (n, 0.5),
        (0, 2.2, 0.9),
    ]
    canvas.fill(stand, look.fabric.plain(darker(look.colour, 0.12)), volume=0.6)
    canvas.dim([(-n * 0.8, -1), (n * 0.8, -1), (0, 5)], 0.25, blur=1.6)
    leaf: list[Point] = [
        (n * 0.62, -3.5),
        (n * 0.95, -2.2, 0.4),
        (n + 1.6, 1.6),
        (n * 0.98 * spread, 9.0),
        (n * 0.3, 6.6),
        (0.25, 4.6),
        (n * 0.55, 0.5, 0.5),
    ]
    canvas.fill(leaf, look.fabric, angle=-28, volume=0.7, shade=cloth_shade, shadow=0.22, edge=0.45)
    canvas.fill(flipped(leaf), look.fabric, angle=28, volume=0.7, shade=cloth_shade, shadow=0.22, edge=0.45)


def _placket(canvas: Canvas, look: Look, cut: Cut, *, top: float, bottom: float, count: int) -> None:
    canvas.seam([(1.7, top), (1.7, bottom)], [(-1.7, top), (-1.7, bottom)], colour=look.ink(), opacity=0.45)
    step = (bottom - top - 3) / max(count - 1, 1)
    tone = (
        look.trim
        if look.has("detail", "contrast buttons")
        else (lighter(look.colour, 0.75) if luminance(look.colour) > 0.25 else mix(look.colour, (0.9, 0.86, 0.8), 0.5))
    )
    buttons(canvas, [(0, top + 1.5 + index * step) for index in range(count)], tone)


def polo(canvas: Canvas, look: Look) -> None:
    cut = top_cut(
        look,
        "short sleeve",
        slant=30.0,
        cuff=7.6 if not look.feminine else 6.4,
        neck=8.4,
        neck_depth=7.0,
        neck_shape="v",
    )
    frame_top(canvas, cut, top=-5)
    inside(canvas, look, cut, back=0.0)
    sleeves(canvas, look, cut, bend=0.0, cuff=0.16, cuff_fabric=look.fabric.plain().of(MATERIALS["cotton knit"]))
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 0.9), shadow=0.12)
    canvas.fill([(-2.0, 5), (2.0, 5), (2.0, 20), (-2.0, 20)], look.fabric, volume=0.3, shadow=0.1)
    buttons(canvas, [(0, 9.4), (0, 13.4), (0, 17.4)], lighter(look.colour, 0.6), radius=0.8)
    plain = replace(look, fabric=look.fabric.plain(look.trim if look.has("detail", "contrast collar") else None))
    shirt_collar(canvas, plain, cut, cloth_shade=0.04)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 2), (0, cut.length - 1.3, 0.7), (cut.hem - 0.6, cut.length - 2)],
        colour=look.ink(),
        opacity=0.4,
    )


def shirt(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "long sleeve", neck=8.2, neck_depth=8.0, neck_shape="v")
    short = cut.sleeve < 30
    if short:
        cut = replace(cut, slant=26.0, cuff=cut.sleeve_width * 0.88)
    cut = replace(cut, length=cut.length + 4)
    frame_top(canvas, cut, top=-6)
    inside(canvas, look, cut, back=0.0)
    sleeves(canvas, look, cut, cuff=0.0 if short else 0.1)
    tail = torso(cut, hem_drop=1.5)
    curved = [(x, y - 4.5, *rest) if abs(y - cut.length) < 0.01 else (x, y, *rest) for x, y, *rest in tail]
    canvas.fill(curved, look.fabric, folds=drape(look.rng, cut, 0.95), shadow=0.12)
    yoke: list[Point] = [(cut.neck + 1, 5.6), (cut.shoulder - 1, 9.2)]
    canvas.seam(yoke, flipped(yoke), colour=look.ink(), opacity=0.35)
    _placket(canvas, look, cut, top=6.5, bottom=cut.length + 1, count=7)
    if not look.has("style", "formal"):
        chest_detail(canvas, replace(look, attributes={**look.attributes, "detail": "chest pocket"}), cut)
    shirt_collar(canvas, look, cut)


def blouse(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "long sleeve", hem=24.0 if not look.small else 23.0)
    puffed = cut.sleeve > 20
    if not puffed:
        cut = replace(cut, slant=30.0, cuff=7.0)
    frame_top(canvas, cut, top=-5)
    inside(canvas, look, cut)
    sleeves(canvas, look, cut, cuff=0.09 if puffed else 0.0, balloon=0.45 if puffed else 0.0, depth=1.4)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.5), shadow=0.12)
    if look.has("neckline", "v-neck", "round neck", "crew neck") and look.has("detail", "pussy bow"):
        for side in (-1, 1):
            canvas.fill(
                [(0, 7), (side * 5, 4, 0.9), (side * 9.5, 6.5, 1.0), (side * 6, 10.5, 0.9)],
                look.fabric,
                angle=side * 30,
                shadow=0.25,
            )
            canvas.fill(
                [(0, 7.5), (side * 2.5, 9, 0.5), (side * 5.5, 27), (side * 1.6, 28.5), (side * 0.4, 14, 0.6)],
                look.fabric,
                angle=side * -12,
                shadow=0.2,
            )
        canvas.fill(ellipse(0, 7.6, 2.0, 2.2), look.fabric, shadow=0.25)
    else:
        neck_rib(canvas, look, cut, width=1.2)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 1.6), (0, cut.length - 0.9, 0.7), (cut.hem - 0.6, cut.length - 1.6)],
        colour=look.ink(),
        opacity=0.3,
    )
