"""T-shirts and tank tops, and the frame that all tops share."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, ellipse, flipped
from fashionrec.demo.palette import darker, mix
from fashionrec.demo.silhouettes.body import NECKLINES, Cut, Look, body_cut, sleeve_length, torso
from fashionrec.demo.silhouettes.parts import drape, inside, neck_rib, sleeves


def frame_top(canvas: Canvas, cut: Cut, *, top: float = -3.0) -> None:
    """Frames a top with its sleeves hanging."""
    reach = cut.shoulder + 4 + (cut.sleeve * 0.3 if cut.sleeve else 0)
    half = max(reach, cut.hem + 3, cut.chest + 3)
    bottom = max(cut.length + 2, cut.slope + 8 + cut.sleeve * 0.97)
    canvas.frame(-half, top, half, bottom)


def top_cut(look: Look, default_sleeve: str, **changes: float | str) -> Cut:
    neck = NECKLINES.get(look.attributes.get("neckline", ""), {})
    sleeve = sleeve_length(look, look.attributes.get("sleeve", default_sleeve))
    return body_cut(look, **{"sleeve": sleeve, **neck, **changes})


def t_shirt(canvas: Canvas, look: Look) -> None:
    cut = top_cut(look, "short sleeve", slant=30.0, cuff=8.2 if not look.feminine else 6.8)
    if look.has("fit", "cropped"):
        cut = replace(cut, length=cut.length - 13)
    frame_top(canvas, cut)
    inside(canvas, look, cut)
    sleeves(canvas, look, cut, bend=0.0)
    canvas.fill(torso(cut), look.fabric, folds=drape(look.rng, cut, 0.9), shadow=0.12)
    neck_rib(canvas, look, cut, width=1.8, colour=look.trim if look.has("detail", "ringer") else None)
    canvas.seam(
        [(-cut.hem + 0.6, cut.length - 2), (0, cut.length - 1.3, 0.7), (cut.hem - 0.6, cut.length - 2)],
        colour=look.ink(),
        opacity=0.4,
    )
    chest_detail(canvas, look, cut)


def chest_detail(canvas: Canvas, look: Look, cut: Cut) -> None:
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
    cut = top_cut(look, "sleeveless")
    cut = replace(
        cut, sleeve=0.0, shoulder=cut.neck + 4.2, neck_depth=max(cut.neck_depth, 12), slope=2.4, neck=cut.neck + 1
    )
    frame_top(canvas, cut)
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
