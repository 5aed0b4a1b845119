"""Every kind of product that the demo shop sells."""

from __future__ import annotations

from fashionrec.demo.kinds.accessories import ACCESSORIES
from fashionrec.demo.kinds.bottoms import BOTTOMS
from fashionrec.demo.kinds.dresses import DRESSES
from fashionrec.demo.kinds.outerwear import OUTERWEAR
from fashionrec.demo.kinds.shoes import SHOES
from fashionrec.demo.kinds.tops import TOPS
from fashionrec.demo.vocabulary import Kind

KINDS: tuple[Kind, ...] = TOPS + OUTERWEAR + BOTTOMS + DRESSES + SHOES + ACCESSORIES
