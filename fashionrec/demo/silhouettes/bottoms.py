"""Trousers and shorts; y = 0 at the waist."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fashionrec.demo.canvas import Canvas, Fabric
from fashionrec.demo.geometry import Point, ellipse, flipped, mirrored
from fashionrec.demo.lighting import Fold
from fashionrec.demo.materials import MATERIALS
from fashionrec.demo.palette import RGB, darker, lighter, luminance
from fashionrec.demo.silhouettes.body import Look
from fashionrec.demo.silhouettes.parts import both, buttons


@dataclass(frozen=True)
class Legs:
    """Half-widths and heights of trousers in centimetres; a leg hem spans `inner`..`outer` from the axis."""

    waist: float = 18.5
    hip: float = 24.0
    hip_at: float = 19.0
    crotch: float = 27.0
    knee: float = 10.5
    hem: float = 9.0
    length: float = 102.0
    spread: float = 2.0

    def centre(self, y: float) -> float:
        """Distance of a leg's axis from the middle."""
        return float(np.interp(y, [self.crotch, self.length], [self.hip * 0.5 + 0.3, self.hip * 0.52 + self.spread]))

    def outline(self) -> list[Point]:
        knee_at = self.crotch + (self.length - self.crotch) * 0.45
        knee, end = self.centre(knee_at), self.centre(self.length)
        return mirrored(
            [
                (0, 0.7, 0.9),
                (self.waist, 0),
                (self.hip, self.hip_at, 0.9),
                (knee + self.knee, knee_at, 0.8),
                (end + self.hem, self.length),
                (end, self.length + 0.6, 0.7),
                (max(end - self.hem, 0.8), self.length),
                (max(knee - self.knee, 0.9), knee_at, 0.8),
                (0.5, self.crotch + 2, 0.3),
                (0, self.crotch),
            ]
        )

    def folds(self, rng: np.random.Generator, depth: float) -> list[Fold]:
        """Whiskers from the crotch, creases behind the knee and at the hem."""
        made = []
        for _ in range(3):
            made.append(
                Fold(
                    1.5,
                    self.crotch + rng.uniform(-3, 3),
                    self.hip * rng.uniform(0.5, 0.9),
                    self.crotch - rng.uniform(2, 10),
                    1.5,
                    depth * rng.uniform(0.6, 1.1),
                )
            )
        if self.length > 60:
            for share in (0.38, 0.46, 0.54, 0.86, 0.93):
                y = self.crotch + (self.length - self.crotch) * (share + rng.uniform(-0.03, 0.03))
                x = self.centre(y)
                side = rng.choice([-1, 1])
                made.append(
                    Fold(
                        x + side * self.knee * 0.95,
                        y,
                        x - side * self.knee * 0.5,
                        y + rng.uniform(1, 6),
                        1.5,
                        depth * rng.uniform(0.5, 1.0),
                    )
                )
        x = self.centre(self.length)
        made.append(Fold(x, self.length, self.centre(self.crotch) + 2, self.crotch + 8, 3.0, depth * 0.9))
        return both(made)


def legs_of(look: Look, **changes: float) -> Legs:
    legs = {
        "women": Legs(16.5, 23.0, length=100),
        "men": Legs(20.0, 24.5, knee=11.8, hem=10.0, length=106),
        "unisex": Legs(19.0, 24.0, length=103),
        "girls": Legs(16.0, 20.5, 15, 22, 9.0, 7.8, 74),
        "boys": Legs(16.8, 20.5, 15, 22, 9.6, 8.6, 74),
    }[look.gender]
    return replace(legs, **changes)


def _fitted(look: Look, legs: Legs) -> Legs:
    knee, hem = {"skinny": (-2.4, -3.2), "slim": (-1.2, -1.8), "wide leg": (2.2, 5.0), "relaxed": (1.4, 1.4)}.get(
        look.attributes.get("fit", ""), (0.0, 0.0)
    )
    return replace(legs, knee=legs.knee + knee, hem=legs.hem + hem, spread=legs.spread + max(hem, 0) * 0.6)


def _frame(canvas: Canvas, legs: Legs) -> None:
    reach = max(legs.hip, legs.centre(legs.length) + legs.hem) + 2
    canvas.frame(-reach, -2, reach, legs.length + 2, margin=7)


def _waistband(canvas: Canvas, look: Look, legs: Legs, height: float, fabric: Fabric, *, back: bool = True) -> None:
    w = legs.waist
    if back:
        canvas.fill(
            [(-w, 0), (0, -1.6, 0.9), (w, 0), (w, 2), (0, 3, 0.9), (-w, 2)],
            fabric.plain(darker(look.colour, 0.35)),
            volume=0.3,
        )
    low = w + (legs.hip - w) * height / legs.hip_at * 0.9
    canvas.fill(
        [(-w, 0), (0, 1.0, 0.9), (w, 0), (low, height), (0, height + 1.2, 0.9), (-low, height)],
        fabric,
        volume=0.7,
        shadow=0.16,
    )


def _fly(canvas: Canvas, look: Look, legs: Legs, *, thread: RGB) -> None:
    fly: list[Point] = [(3.2, 5), (3.2, legs.crotch * 0.6), (0.4, legs.crotch * 0.78, 0.6)]
    canvas.seam([(0, 5), (0, legs.crotch)], colour=look.ink(), opacity=0.6)
    canvas.stitch(fly, colour=thread)


def _loops(canvas: Canvas, look: Look, legs: Legs, fabric: Fabric) -> None:
    for x in (-legs.waist * 0.72, -legs.waist * 0.32, legs.waist * 0.32, legs.waist * 0.72):
        canvas.fill([(x - 0.7, -0.4), (x + 0.7, -0.4), (x + 0.8, 5.6), (x - 0.8, 5.6)], fabric, volume=0.5, shadow=0.15)


def jeans(canvas: Canvas, look: Look) -> None:
    legs = _fitted(look, legs_of(look))
    _frame(canvas, legs)
    _denim(canvas, look, legs)


def _denim(canvas: Canvas, look: Look, legs: Legs) -> None:
    gold = (0.82, 0.58, 0.28) if luminance(look.colour) < 0.75 else (0.68, 0.64, 0.58)
    _waistband(canvas, look, legs, 4.0, look.fabric)
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 1.5))
    if look.fabric.material is MATERIALS["denim"] and luminance(look.colour) > 0.12:
        pale = lighter(look.colour, 0.5)
        for side in (-1, 1):  # worn-out thighs
            x = legs.centre(legs.crotch + 10) * side
            for grow, share in ((1.0, 0.05), (0.75, 0.06), (0.5, 0.07)):
                canvas.flat(
                    ellipse(x, legs.crotch + 8, legs.knee * 0.75 * grow, min(20, legs.length * 0.2) * grow),
                    pale,
                    opacity=share,
                    within=True,
                )
    _waistband(canvas, look, legs, 4.2, look.fabric, back=False)
    _fly(canvas, look, legs, thread=gold)
    pocket: list[Point] = [
        (legs.waist * 0.42, 5),
        (legs.waist * 0.58, 10.5, 0.9),
        (legs.waist + (legs.hip - legs.waist) * 0.6, 12.5),
    ]
    outer: list[Point] = [(x - 1.1, y) for x, y, *_ in legs.outline()[2:5]]
    canvas.seam(pocket, flipped(pocket), colour=look.ink(), opacity=0.7)
    inset = [(x - 0.9, y + 1.2, *rest) for x, y, *rest in pocket]
    canvas.stitch(inset, flipped(inset), outer, flipped(outer), colour=gold, opacity=0.7)
    end = legs.centre(legs.length)
    hem: list[Point] = [(max(end - legs.hem, 0.8) + 0.3, legs.length - 2.4), (end + legs.hem - 0.3, legs.length - 2.4)]
    canvas.seam(hem, flipped(hem), colour=look.ink(), opacity=0.35)
    canvas.stitch(hem, flipped(hem), colour=gold, opacity=0.7)
    _loops(canvas, look, legs, look.fabric)
    buttons(canvas, [(0, 2.6)], (0.74, 0.52, 0.32), radius=1.0)


def trousers(canvas: Canvas, look: Look) -> None:
    legs = _fitted(look, legs_of(look))
    _frame(canvas, legs)
    _waistband(canvas, look, legs, 4.0, look.fabric)
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 0.9))
    _waistband(canvas, look, legs, 4.0, look.fabric.plain(), back=False)
    _fly(canvas, look, legs, thread=look.thread())
    pocket: list[Point] = [(legs.waist * 0.7, 4.6), (legs.hip * 0.93, 18)]
    knee = legs.crotch + (legs.length - legs.crotch) * 0.45
    crease: list[Point] = [
        (legs.waist * 0.5, 8),
        (legs.centre(knee), knee, 0.6),
        (legs.centre(legs.length), legs.length),
    ]
    canvas.seam(pocket, flipped(pocket), colour=look.ink(), opacity=0.6)
    if look.has("style", "formal", "classic", "minimal"):
        canvas.seam(crease, flipped(crease), colour=look.ink(), opacity=0.42)
    _loops(canvas, look, legs, look.fabric.plain())
    buttons(canvas, [(0, 2.4)], darker(look.colour, 0.3), radius=0.8)


def joggers(canvas: Canvas, look: Look) -> None:
    legs = legs_of(look, hem=6.0)
    legs = replace(legs, knee=legs.knee + 0.6, length=legs.length - 4)
    _frame(canvas, legs)
    rib = look.fabric.plain().of(MATERIALS["cotton knit"])
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 1.6))
    end, top = legs.centre(legs.length), legs.length - 6
    cuff: list[Point] = [
        (end - legs.hem - 0.3, top),
        (end + legs.hem + 0.3, top),
        (end + legs.hem * 0.86, legs.length + 0.4),
        (end - legs.hem * 0.86, legs.length + 0.4),
    ]
    canvas.fill(cuff, rib, shadow=0.15)
    canvas.fill(flipped(cuff), rib, shadow=0.15)
    stripe: list[Point] = [
        (legs.hip - 1.4, legs.hip_at),
        (legs.centre(60 if legs.length > 80 else 45) + legs.knee - 1.2, 60 if legs.length > 80 else 45, 0.7),
        (end + legs.hem - 1.0, top),
    ]
    if look.has("style", "sporty", "streetwear"):
        canvas.line(stripe, flipped(stripe), colour=lighter(look.trim, 0.1), width=1.6, opacity=0.95)
    _waistband(canvas, look, legs, 4.6, rib)
    pocket: list[Point] = [(legs.waist * 0.72, 5.4), (legs.hip * 0.93, 19)]
    canvas.seam([(0, 6), (0, legs.crotch)], pocket, flipped(pocket), colour=look.ink(), opacity=0.55)
    _drawstring(canvas, look, 3.4, 15)


def _drawstring(canvas: Canvas, look: Look, y: float, length: float) -> None:
    cord = lighter(look.trim, 0.2)
    for side in (-1, 1):
        canvas.line(
            [(side * 1.2, y), (side * 2.4, y + length * 0.5, 0.7), (side * 1.8, y + length)],
            colour=darker(cord, 0.6),
            width=1.1,
            opacity=0.35,
        )
        canvas.line(
            [(side * 1.2, y), (side * 2.3, y + length * 0.5, 0.7), (side * 1.7, y + length - 0.5)],
            colour=cord,
            width=0.75,
            opacity=1,
        )


def leggings(canvas: Canvas, look: Look) -> None:
    legs = legs_of(look)
    legs = replace(
        legs,
        knee=legs.knee - 2.8,
        hem=4.8,
        hip=legs.hip - 1.5,
        length=legs.length - (9 if look.has("length", "7/8 length") else 2),
    )
    _frame(canvas, legs)
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 0.8), volume=1.35)
    _waistband(canvas, look, legs, 9.0, look.fabric.plain(), back=True)
    canvas.seam([(0, 10), (0, legs.crotch)], colour=look.ink(), opacity=0.5)
    knee = legs.crotch + (legs.length - legs.crotch) * 0.45
    panel: list[Point] = [
        (legs.hip * 0.8, 11),
        (legs.centre(knee) + legs.knee * 0.55, knee, 0.8),
        (legs.centre(legs.length) + 2.5, legs.length - 1),
    ]
    canvas.seam(panel, flipped(panel), colour=look.ink(), opacity=0.4)


def _short(look: Look, *, drop: float = 21.0, flare: float = 3.0) -> Legs:
    legs = legs_of(look)
    scale = 0.8 if look.small else 1.0
    return replace(
        legs,
        length=legs.crotch + drop * scale * (0.5 if look.gender == "women" else 1.0),
        knee=legs.hip * 0.5 + 0.4,
        hem=legs.hip * 0.5 + flare * 0.3,
        spread=flare,
    )


def shorts(canvas: Canvas, look: Look) -> None:
    legs = _short(look)
    _frame(canvas, legs)
    if look.fabric.material is MATERIALS["denim"]:
        _denim(canvas, look, legs)
        return
    canvas.fill(
        [(-legs.waist, 0), (0, -1.6, 0.9), (legs.waist, 0), (0, 3, 0.9)],
        look.fabric.plain(darker(look.colour, 0.35)),
        volume=0.3,
    )
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 1.2))
    _waistband(canvas, look, legs, 3.8, look.fabric.plain(), back=False)
    pocket: list[Point] = [(legs.waist * 0.68, 4.4), (legs.hip * 0.95, 15)]
    canvas.seam(pocket, flipped(pocket), colour=look.ink(), opacity=0.6)
    _hems(canvas, look, legs)
    if look.has("style", "sporty"):
        canvas.seam([(0, 5), (0, legs.crotch)], colour=look.ink(), opacity=0.5)
        _drawstring(canvas, look, 3, 11)
    else:
        _fly(canvas, look, legs, thread=look.thread())
        _loops(canvas, look, legs, look.fabric.plain())
        buttons(canvas, [(0, 2.3)], lighter(look.colour, 0.4), radius=1.0)


def _hems(canvas: Canvas, look: Look, legs: Legs) -> None:
    end = legs.centre(legs.length)
    hem: list[Point] = [(max(end - legs.hem, 0.8) + 0.3, legs.length - 2.2), (end + legs.hem - 0.4, legs.length - 2.2)]
    canvas.seam(hem, flipped(hem), colour=look.ink(), opacity=0.5)


def swim_shorts(canvas: Canvas, look: Look) -> None:
    legs = _short(look, drop=15.0, flare=4.5)
    _frame(canvas, legs)
    canvas.fill(legs.outline(), look.fabric, folds=legs.folds(look.rng, 1.7))
    gathers = [Fold(x, 4.5, x * 1.1, 13, 0.9, 0.9) for x in np.linspace(-legs.waist * 0.85, legs.waist * 0.85, 9)]
    w = legs.waist
    canvas.fill(
        [(-w, 0), (0, 1, 0.9), (w, 0), (w + 0.9, 4.6), (0, 5.8, 0.9), (-w - 0.9, 4.6)],
        look.fabric.plain(),
        folds=gathers,
        volume=0.9,
        shadow=0.2,
    )
    canvas.seam([(0, 5.5), (0, legs.crotch)], colour=look.ink(), opacity=0.5)
    for side in (-1, 1):
        stripe: list[Point] = [
            (side * (legs.hip - 1.5), legs.hip_at - 4),
            (side * (legs.centre(legs.length) + legs.hem - 1.6), legs.length - 0.6),
        ]
        canvas.line(stripe, colour=lighter(look.trim, 0.2), width=1.5, opacity=0.9)
    _hems(canvas, look, legs)
    _drawstring(canvas, look, 3.2, 14)
