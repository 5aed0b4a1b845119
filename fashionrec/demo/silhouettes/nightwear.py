"""Pyjamas."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.geometry import Point, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.palette import darker, lighter, luminance, mix
from fashionrec.demo.silhouettes.body import Look, body_cut, neckline, sleeve_length
from fashionrec.demo.silhouettes.bottoms import Legs
from fashionrec.demo.silhouettes.parts import buttons, drape, inside, sleeves


def pyjamas(canvas: Canvas, look: Look) -> None:
    """Trousers below, a piped shirt on top of them."""
    cut = body_cut(
        look, sleeve=sleeve_length(look, look.attributes["sleeve"]), neck=8.4, neck_depth=13.0, neck_shape="v"
    )
    if cut.sleeve < 30:
        cut = replace(cut, slant=28.0, cuff=cut.sleeve_width * 0.9)
    cut = replace(cut, length=cut.length * 0.9)
    start = cut.length - 12
    length = 64 if look.small else 84
    legs = Legs(cut.waist, cut.hem - 1.5, 15, 22, cut.hem * 0.47, cut.hem * 0.46, length, spread=2.5)
    bottom = start + length
    reach = cut.shoulder + 5 + cut.sleeve * 0.29
    canvas.frame(-reach, -5, reach, bottom + 2, margin=6.5)
    leg_outline: list[Point] = [(point[0], point[1] + start, *point[2:]) for point in legs.outline()]
    canvas.fill(
        leg_outline,
        look.fabric,
        folds=[Fold(f.x0, f.y0 + start, f.x1, f.y1 + start, f.width, f.depth) for f in legs.folds(look.rng, 1.3)],
    )
    piping = lighter(look.trim, 0.25) if luminance(look.colour) < 0.7 else darker(mix(look.colour, look.trim, 0.7), 0.1)
    end = legs.centre(legs.length)
    hem: list[Point] = [(end - legs.hem + 0.5, bottom - 4), (end + legs.hem - 0.3, bottom - 4)]
    canvas.line(hem, flipped(hem), colour=piping, width=0.7, opacity=0.95)
    inside(canvas, look, cut, back=0.0)
    sleeves(canvas, look, cut, depth=1.1)
    canvas.fill(
        mirrored(
            [
                *neckline(cut),
                (cut.shoulder, cut.slope),
                (min(cut.shoulder, cut.chest) - 1.4, cut.armpit * 0.62, 0.9),
                (cut.chest, cut.armpit),
                (cut.waist + 1, cut.waist_at, 0.9),
                (cut.hem, cut.length),
                (0, cut.length + 0.8, 0.8),
            ]
        ),
        look.fabric,
        folds=drape(look.rng, cut, 1.1),
        shadow=0.25,
    )
    n, d = cut.neck, cut.neck_depth
    for side in (-1, 1):
        lapel: list[Point] = [
            (side * n * 0.6, -3.0),
            (side * (n + 1.2), -1.4, 0.6),
            (side * (n + 4.6), d * 0.5),
            (side * (n + 1.5), d * 0.78, 0.4),
            (side * 0.3, d + 0.8),
            (side * n * 0.55, d * 0.4, 0.5),
        ]
        canvas.fill(lapel, look.fabric, angle=side * 22, shadow=0.2)
        canvas.line([*lapel[1:5]], colour=piping, width=0.7, opacity=0.95)
    canvas.line(
        [(1.2, d + 1), (1.2, cut.length)],
        [(-cut.hem + 0.5, cut.length - 1.2), (0, cut.length - 0.6, 0.7), (cut.hem - 0.5, cut.length - 1.2)],
        colour=piping,
        width=0.7,
        opacity=0.95,
    )
    step = (cut.length - d - 8) / 3
    buttons(canvas, [(-0.6, d + 4 + index * step) for index in range(4)], lighter(piping, 0.3), radius=0.9)
    x, y = cut.chest * 0.5, cut.armpit + 2
    canvas.fill(
        [(x - 4.4, y), (x + 4.4, y), (x + 4.4, y + 8.6), (x - 4.4, y + 8.6)], look.fabric, volume=0.4, shadow=0.12
    )
    canvas.line([(x - 4.4, y + 0.9), (x + 4.4, y + 0.9)], colour=piping, width=0.7, opacity=0.95)
