"""What jackets and coats share: a roomier cut, its frame, metal parts."""

from __future__ import annotations

from dataclasses import replace

from fashionrec.demo.canvas import Canvas
from fashionrec.demo.palette import RGB
from fashionrec.demo.silhouettes.body import Cut, Look, body_cut, sleeve_length

METAL: RGB = (0.80, 0.80, 0.82)


def jacket_cut(look: Look, **changes: float | str) -> Cut:
    cut = body_cut(look, sleeve=sleeve_length(look, "long sleeve"), neck=8.8)
    cut = replace(
        cut,
        sleeve_width=cut.sleeve_width + 1.2,
        cuff=cut.cuff + 1.0,
        shoulder=cut.shoulder + 0.8,
        chest=cut.chest + 0.8,
        waist=cut.waist + 1.5,
    )
    return replace(cut, **changes)  # type: ignore[arg-type]


def frame_jacket(canvas: Canvas, cut: Cut, *, top: float = -6.0) -> None:
    half = max(cut.shoulder + 4 + cut.sleeve * 0.3, cut.hem + 3)
    canvas.frame(-half, top, half, max(cut.length + 2, cut.slope + 8 + cut.sleeve * 0.97), margin=7.5)
