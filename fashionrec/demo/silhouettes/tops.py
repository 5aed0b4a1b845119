"""T-shirts, shirts and knitwear."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import (
    NECKLINES,
    Cut,
    Look,
    body_cut,
    buttons,
    drape,
    inside,
    neck_rib,
    sleeve_length,
    sleeves,
    torso,
)


def _fit(canvas: Canvas, cut: Cut, *, top: float = -3.0) -> None:
    """Frames a top with its sleeves hanging."""
    reach = cut.shoulder + 4 + (cut.sleeve * 0.3 if cut.sleeve else 0)
    half = max(reach, cut.hem + 3, cut.chest + 3)
    bottom = max(cut.length + 2, cut.slope + 8 + cut.sleeve * 0.97)
    canvas.frame(-half, top, half, bottom)


def _cut(look: Look, default_sleeve: str, **changes: float | str) -> Cut:
    neck = NECKLINES.get(look.attributes.get("neckline", ""), {})
    sleeve = sleeve_length(look, look.attributes.get("sleeve", default_sleeve))
    return body_cut(look, **{"sleeve": sleeve, **neck, **changes})


def t_shirt(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "short sleeve", slant=30.0, cuff=8.2 if not look.feminine else 6.8)
    if look.has("fit", "cropped"):
        cut = replace(cut, length=cut.length - 13)
    _fit(canvas, cut)
    inside(canvas, look, cut)
    sleeves(canvas, look, cut, bend=0.0)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 0.9), shadow=0.12)
    neck_rib(canvas, look, cut, width=1.8, colour=look.trim if look.has("detail", "ringer") else None)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 2), (0, cut.length - 1.3, 0.7), (cut.hem - 0.6, cut.length - 2)],
        colour=look.ink(),
        opacity=0.4,
    )
    _chest_detail(canvas, look, cut)


def _chest_detail(canvas: Canvas, look: Look, cut: Cut) -> None:
    if look.has("detail", "chest pocket"):
        x, y, w, h = cut.chest * 0.46, cut.armpit + 1, 4.6, 10.5
        pocket: list[Point] = [(x - w, y), (x + w, y), (x + w, y + h * 0.82), (x, y + h), (x - w, y + h * 0.82)]
        canvas.fill(pocket, look.fabric, volume=0.35, shadow=0.12)
        canvas.seam([(x - w, y + 1.7), (x + w, y + 1.7)], colour=look.ink(), opacity=0.4)
    elif look.has("detail", "graphic print"):
        ink = look.trim
        y = cut.armpit + 9
        motif = int(look.rng.integers(4))
        if motif == 0:
            canvas.flat(ellipse(0, y, 8, 8), ink, opacity=0.92)
            for step, x in enumerate((-5.6, 0.0, 5.6)):
                canvas.flat(
                    [(x - 5, y + 8), (x, y - 3 + step % 2 * 2, 0.2), (x + 5, y + 8)],
                    darker(ink, 0.3 + 0.12 * step),
                    opacity=0.9,
                )
        elif motif == 1:
            canvas.flat(
                [
                    (0, y - 9),
                    (2.6, y - 3),
                    (9, y - 2.6),
                    (4, y + 1.6),
                    (5.7, y + 8),
                    (0, y + 4.4),
                    (-5.7, y + 8),
                    (-4, y + 1.6),
                    (-9, y - 2.6),
                    (-2.6, y - 3),
                ],
                ink,
                opacity=0.92,
            )
        elif motif == 2:
            for step in range(3):
                canvas.flat(
                    [
                        (-10, y - 5 + step * 5),
                        (10, y - 5 + step * 5),
                        (10, y - 2.4 + step * 5),
                        (-10, y - 2.4 + step * 5),
                    ],
                    mix(ink, look.colour, 0.25 * step),
                    opacity=0.95,
                )
        else:
            canvas.flat(
                [(0, y + 8), (-9, y - 1, 1.0), (-5, y - 7, 1.0), (0, y - 3), (5, y - 7, 1.0), (9, y - 1, 1.0)],
                ink,
                opacity=0.92,
            )


def tank_top(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "sleeveless")
    cut = replace(
        cut, sleeve=0.0, shoulder=cut.neck + 4.2, neck_depth=max(cut.neck_depth, 12), slope=2.4, neck=cut.neck + 1
    )
    _fit(canvas, cut)
    inside(canvas, look, cut, back=6.0)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 0.9))
    neck_rib(canvas, look, cut, width=1.4)
    arm: list[Point] = [
        (cut.shoulder - 0.7, cut.slope + 0.4),
        (cut.shoulder - 1.6, cut.armpit * 0.62, 0.9),
        (cut.chest - 1.2, cut.armpit - 0.2),
    ]
    canvas.seam(arm, flipped(arm), colour=look.ink(), opacity=0.5)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 2), (0, cut.length - 1.3, 0.7), (cut.hem - 0.6, cut.length - 2)],
        colour=look.ink(),
        opacity=0.4,
    )


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
        else (lighter(look.colour, 0.75) if luminance(look.colour) > 0.25 else mix(look.colour, (0.9, 0.86, 0.8),
            0.5))
    )
    buttons(canvas, [(0, top + 1.5 + index * step) for index in range(count)], tone)


def polo(canvas: Canvas, look: Look) -> None:
    cut = _cut(
        look,
        "short sleeve",
        slant=30.0,
        cuff=7.6 if not look.feminine else 6.4,
        neck=8.4,
        neck_depth=7.0,
        neck_shape="v",
    )
    _fit(canvas, cut, top=-5)
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
    cut = _cut(look, "long sleeve", neck=8.2, neck_depth=8.0, neck_shape="v")
    short = cut.sleeve < 30
    if short:
        cut = replace(cut, slant=26.0, cuff=cut.sleeve_width * 0.88)
    cut = replace(cut, length=cut.length + 4)
    _fit(canvas, cut, top=-6)
    inside(canvas, look, cut, back=0.0)
    sleeves(canvas, look, cut, cuff=0.0 if short else 0.1)
    tail = torso(cut, hem_drop=1.5)
    curved = [(x, y - 4.5, *rest) if abs(y - cut.length) < 0.01 else (x, y, *rest) for x, y, *rest in tail]
    canvas.fill(curved, look.fabric, folds=drape(look.rng, cut, 0.95), shadow=0.12)
    yoke: list[Point] = [(cut.neck + 1, 5.6), (cut.shoulder - 1, 9.2)]
    canvas.seam(yoke, flipped(yoke), colour=look.ink(), opacity=0.35)
    _placket(canvas, look, cut, top=6.5, bottom=cut.length + 1, count=7)
    if not look.has("style", "formal"):
        _chest_detail(canvas, replace(look, attributes={**look.attributes, "detail": "chest pocket"}), cut)
    shirt_collar(canvas, look, cut)


def blouse(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "long sleeve", hem=24.0 if not look.small else 23.0)
    puffed = cut.sleeve > 20
    if not puffed:
        cut = replace(cut, slant=30.0, cuff=7.0)
    _fit(canvas, cut, top=-5)
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
        ruffle = [(x * 1.0, y, 0.9) for x, y in ((1, 8), (4, 14), (2.4, 20), (4.4, 26), (2, 32), (0.3, 32), (0.3, 8))]
        if look.has("detail", "ruffle"):
            canvas.fill(ruffle, look.fabric, shadow=0.2, shade=-0.03)
            canvas.fill(flipped(ruffle), look.fabric, shadow=0.2, shade=-0.03)
        neck_rib(canvas, look, cut, width=1.2)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 1.6), (0, cut.length - 0.9, 0.7), (cut.hem - 0.6, cut.length - 1.6)],
        colour=look.ink(),
        opacity=0.3,
    )


def _ribbing(canvas: Canvas, look: Look, cut: Cut, height: float = 5.0) -> None:
    """The knitted band at the hem."""
    top = cut.length - height
    canvas.fill(
        [
            (-cut.hem, top),
            (0, top + 0.8, 0.8),
            (cut.hem, top),
            (cut.hem - 1.2, cut.length),
            (0, cut.length + 0.8, 0.8),
            (-cut.hem + 1.2, cut.length),
        ],
        look.fabric.plain().of(MATERIALS["cotton knit"]),
        volume=0.7,
        shade=0.04,
        shadow=0.12,
    )


def sweater(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "long sleeve")
    cut = replace(cut, cuff=cut.cuff + 0.4, sleeve_width=cut.sleeve_width + 0.6)
    _fit(canvas, cut, top=-9 if look.has("neckline", "turtleneck") else -3)
    inside(canvas, look, cut)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    sleeves(canvas, look, cut, cuff=0.11, cuff_fabric=rib)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.0), shadow=0.14)
    _ribbing(canvas, look, cut)
    if look.has("neckline", "turtleneck"):
        n = cut.neck + 0.6
        canvas.fill(
            [(-n - 0.8, 3.2), (-n, -5.4, 0.3), (0, -6.4, 0.8), (n, -5.4, 0.3), (n + 0.8, 3.2), (0, 6.2, 0.9)],
            rib,
            shadow=0.2,
        )
        canvas.fill(
            [
                (-n - 0.4, 0.4),
                (-n - 0.2, -5.6, 0.3),
                (0, -6.6, 0.8),
                (n + 0.2, -5.6, 0.3),
                (n + 0.4, 0.4),
                (0, 2.4, 0.9),
            ],
            rib,
            shadow=0.25,
            volume=1.2,
        )
    else:
        neck_rib(canvas, replace(look, fabric=rib), cut, width=2.4)


def sweatshirt(canvas: Canvas, look: Look) -> None:
    sweater(canvas, look)
    cut = _cut(look, "long sleeve")
    canvas.line([(-2.2, 9.4), (0, 14)], [(2.2, 9.4), (0, 14)], colour=look.ink(), width=0.5, opacity=0.6)
    _chest_detail(canvas, look, cut)


def cardigan(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "long sleeve", neck=8.8, neck_depth=26.0, neck_shape="v")
    _fit(canvas, cut)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    inside(canvas, look, replace(cut, neck_depth=24), back=2.5)
    sleeves(canvas, look, cut, cuff=0.1, cuff_fabric=rib)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 1.0), shadow=0.14)
    _ribbing(canvas, look, cut, 4.5)
    band: list[Point] = [
        (cut.neck - 0.6, -1.2),
        (cut.neck + 2.3, -0.6),
        (cut.neck * 0.55 + 2.6, 13, 0.6),
        (2.0, 28),
        (2.0, cut.length + 0.5),
        (-2.0, cut.length + 0.5),
        (-2.0, 26),
        (cut.neck * 0.5, 13, 0.6),
    ]
    canvas.fill(flipped(band), rib, volume=0.6, shadow=0.12)
    canvas.fill(band, rib, volume=0.7, shadow=0.2)
    step = (cut.length - 33) / 4
    buttons(canvas, [(0, 29 + index * step) for index in range(5)], mix(look.trim, (0.9, 0.85, 0.75), 0.4),
            radius=1.1)
    for side in (-1, 1):
        x, y = side * cut.hem * 0.58, cut.length - 19
        canvas.seam(
            [(x - 5, y), (x + 5, y), (x + 5, y + 11), (x - 5, y + 11), (x - 5, y)], colour=look.ink(), opacity=0.4
        )


def hoodie(canvas: Canvas, look: Look) -> None:
    cut = _cut(look, "long sleeve", neck=8.6, neck_depth=8.0)
    cut = replace(cut, sleeve_width=cut.sleeve_width + 0.8, cuff=cut.cuff + 0.4)
    _fit(canvas, cut, top=-13)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    lining = look.fabric.plain(darker(look.colour, 0.32))
    sleeves(canvas, look, cut, cuff=0.1, cuff_fabric=rib)
    hood: list[Point] = [
        (0, -11.5, 1.0),
        (9.4, -8.6, 1.0),
        (12.6, 0.5, 0.9),
        (10.5, 7.5, 0.7),
        (0, 9, 0.8),
        (-10.5, 7.5, 0.7),
        (-12.6, 0.5, 0.9),
        (-9.4, -8.6, 1.0),
    ]
    canvas.fill(hood, look.fabric, volume=1.2)
    canvas.fill(
        [
            (0, -8, 1.0),
            (6.6, -5.5, 1.0),
            (8.6, 1, 0.9),
            (5, 9, 0.8),
            (0, 12.5),
            (-5, 9, 0.8),
            (-8.6, 1, 0.9),
            (-6.6, -5.5, 1.0),
        ],
        lining,
        volume=0.7,
        shade=0.12,
    )
    canvas.dim([(-6, -3), (6, -3), (0, 9)], 0.32, blur=2.6)
    canvas.fill(
        torso(replace(cut, neck=9.6, neck_depth=12, neck_shape="v")),
        look.fabric,
        folds=drape(look.rng, cut, 1.1),
        shadow=0.16,
    )
    for side in (-1, 1):
        lapel: list[Point] = [
            (side * 9.2, -6.5, 0.6),
            (side * 12.8, 0.5, 0.9),
            (side * 11.0, 6.4, 0.7),
            (side * 0.6, 14.4),
            (side * 5.6, 7, 0.7),
            (side * 8.6, 0, 0.8),
        ]
        canvas.fill(lapel, look.fabric, angle=side * 20, shadow=0.2)
    _ribbing(canvas, look, cut, 5.0)
    pouch: list[Point] = [
        (-9.5, cut.length - 23),
        (9.5, cut.length - 23),
        (14.5, cut.length - 12, 0.2),
        (14.5, cut.length - 5.5),
        (-14.5, cut.length - 5.5),
        (-14.5, cut.length - 12, 0.2),
    ]
    canvas.fill(pouch, look.fabric, volume=0.6, shadow=0.18)
    opening: list[Point] = [(9.0, cut.length - 21.5), (13.6, cut.length - 11.5), (13.6, cut.length - 9)]
    canvas.stitch(opening, flipped(opening), colour=look.thread())
    cord = lighter(look.trim, 0.15)
    for side in (-1, 1):
        canvas.line(
            [(side * 2.6, 11.5), (side * 3.3, 18, 0.6), (side * 2.8, 26)],
            colour=darker(cord, 0.5),
            width=1.2,
            opacity=0.4,
        )
        canvas.line(
            [(side * 2.6, 11.5), (side * 3.2, 18, 0.6), (side * 2.7, 25.6)], colour=cord, width=0.8, opacity=1.0
        )
    if look.has("closure", "zip"):
        canvas.line([(0, 13), (0, cut.length)], colour=darker(look.colour, 0.5), width=1.1, opacity=0.7)
        canvas.line([(0, 13), (0, cut.length)], colour=(0.78, 0.78, 0.8), width=0.5, opacity=0.9)
