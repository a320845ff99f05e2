"""Whether images carry a physical scale, and what cannot be said without it."""

from __future__ import annotations

from domain.geometry import Geometry


def without_scale(name: str, geometry: Geometry) -> str:
    """What a series lacks for sizes, and what follows; "" when it lacks nothing.

    Args:
        name: of the series, as readers are told it.
    """
    if geometry.pixel_spacing_mm is None:
        return (
            f"The file of {name} carries no pixel spacing (PixelSpacing, ImagerPixelSpacing or a calibrated region): "
            "nothing in it can be given in millimetres or millilitres; it is counted in pixels"
        )
    if geometry.slices > 1 and geometry.positions_mm is None:
        return (
            f"The slices of {name} carry no positions, so the distance between them is unknown: areas and lengths in a "
            "slice can be given, a volume cannot"
        )
    return ""
