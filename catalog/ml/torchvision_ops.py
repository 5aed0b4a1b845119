"""Makes `import torchvision` work beside a torch build that its binary does not fit.

The package index offers torchvision with CUDA only. Beside a CPU build of torch its compiled operators do not load,
and the import fails with `operator torchvision::nms does not exist`. open_clip uses none of these operators: to
declare the two that are looked up at import is enough. Import this module before open_clip.
"""

from __future__ import annotations

from torch import library

# The declaration lives as long as this object.
_library: library.Library | None = None


def declare_missing_ops() -> bool:
    """Declares nms and qnms where the real operators cannot load. Returns whether it did; safe to repeat."""
    global _library
    if _library is not None or _real_ops_load():
        return _library is not None
    _library = library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return True


def _real_ops_load() -> bool:
    """torchvision and torch fit when both are CPU builds or both are CUDA builds."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        return False
    return True


declare_missing_ops()
