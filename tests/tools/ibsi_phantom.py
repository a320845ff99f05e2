"""The digital phantom of the Image Biomarker Standardisation Initiative and its reference values.

Phantom: data set `ibsi_1_digital_phantom`, CC BY 4.0. Values: reference manual, arXiv:1612.07003, chapter 3, rows
"dig. phantom", keyed by the features' identifiers, each with the digits that the manual gives.
"""

from __future__ import annotations

import numpy as np

VOXEL_MM = (2.0, 2.0, 2.0)
PHANTOM = np.array(
    [
        [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
        [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
        [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
    ],
    dtype=np.int32,
)
"""(slices, rows, columns); 0 is outside the region."""

INTENSITY = """
Q4LE 2.15 ECT3 3.05 KE2A 1.08 IPH6 -0.355 Y12H 1 1GSF 1 QG58 1 8DWT 4 84IY 6 SALO 3 2OJQ 5 4FUA 1.55 1128 1.11
N72L 1.15 N8CA 567 5ZWQ 2.77 TLU2 1.27 BJ5W 0.512
"""
SHAPE = """
RNU0 556 YEKZ 592 C0JK 388 2PR5 0.698 SKGS 0.0411 BQWJ 0.599 QCFX 0.843 25C7 0.186 L0JK 13.1 TDIC 11.4 P9VJ 9.31
7J51 8.54 Q3CK 0.816 N17B 0.749
"""
TEXTURE_3D_MERGED = """
GYBY 0.509 60VM 2.15 UR99 3.13 TU9B 2.57 8ZQL 0.291 ACUI 5.12 8S9J 1.38 IB1Z 0.688 WF0Z 0.631 NI2N 0.183 QWB0 5.19
7NFM 17.4 AE86 147 22OV 0.729 W4KF 2.76 V3SW 0.607 G3QZ 9.64 R5YN 281 OVBL 0.43 W92Y 328 IC23 0.501 9ZK5 0.68
8CE5 3.48 SXLW 0.598 HJ9O 2.62 48P8 550 XMSY 0.253 5GN9 15.6 JNSA 1.4 Y1RO 0.28 4JP3 1 VB3A 0.2 P30P 0.0676 BYLV 2.64
3NSA 331 GU8N 2.32
"""
TEXTURE_2_5D_MERGED = """
GYBY 0.492 60VM 2.2 UR99 3.24 TU9B 2.61 8ZQL 0.277 ACUI 5.29 8S9J 1.44 IB1Z 0.673 WF0Z 0.613 NI2N 0.182 QWB0 5.45
7NFM 16.4 AE86 142 22OV 0.68 W4KF 3.27 V3SW 0.585 G3QZ 10.2 R5YN 77.1 OVBL 0.412 W92Y 83.2 IC23 0.445 9ZK5 0.632
8CE5 3.59 SXLW 0.767 HJ9O 2.76 48P8 34.2 XMSY 0.368 5GN9 16.2 JNSA 5.44 Y1RO 0.302 4JP3 3.44 VB3A 0.191 P30P 0.243
BYLV 3.92 3NSA 17.3 GU8N 3.08
"""
SMALL_ZONE_EMPHASIS = {False: 0.255, True: 0.368}
"""By `planar`; the manual's text gives this feature no identifier."""


def published(text: str) -> dict[str, float]:
    """Identifier → value."""
    words = text.split()
    return {code: float(value) for code, value in zip(words[::2], words[1::2], strict=True)}


def rounded_as(value: float, published_value: float) -> bool:
    """Equal to the three digits that the manual prints, give or take the rounding of the last one."""
    unit = 10.0 ** (np.floor(np.log10(abs(published_value))) - 2)
    return bool(abs(value - published_value) <= 0.51 * unit)
