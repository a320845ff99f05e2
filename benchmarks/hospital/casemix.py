"""What is imaged, how urgent it is, and what the product does with it.

Modalities. Held (by a test) to England's Diagnostic Imaging Dataset: plain radiography is more than half of all tests
(62 % in April 2012: docsbay.net/doc/633435), and CT : ultrasound : MR was 500 : 912 : 324 thousand in January 2019
(PMC7808358, table 5). CT has more here than there: these sites have emergency departments, and fluoroscopy, nuclear
medicine and endoscopy are left out as no model reads them. The split by kind of patient is an assumption.

Priorities. Assumption: STAT 11 %, URGENT 25 %, ROUTINE 54 %, RESEARCH 10 %. Where STAT is used for anything it is 65 %
of all orders (Tampa General Hospital before its programme: radiologybusiness.com, "Enhancing STAT radiology exam order
efficiency"); `--stat 0.65` is that day. Orders carry HL7 codes, and some ROUTINE ones an indication that cannot wait:
what they mean, `jobs.scheduling.priority` says.

CPU. 0.6 s for a 2D study through the whole durable engine, reading to artifacts
(`python -m tests.jobs.durable.overhead 12`: median 624 ms, two masks, on a busy machine of two cores). For volumes an
assumption: 12 ms a slice more (packing alone is 3 ms: `encode_volume`).

Bytes. A 1024 × 1024 RGB PNG is about 1 MB (`benchmarks.endpoint.png`), base64 in JSON 4/3 of it; an answer has one byte
a pixel and mask, base64, taken as sent without compression. A .nii.gz has 1.4 bytes a voxel for a CT of 512 × 512
(a slice of LIDC-IDRI) and 0.96 for an MR of the brain. Artifacts of a 2D study take 0.75 MB
(`app.py analyze CT_small.dcm --out DIR`); a volume's SEG one bit more for each voxel of three masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.hospital.curves import Patients
from benchmarks.hospital.models import CXR, INSIGHT, PARSE, PARSE3D
from domain.study import Priority

CPU_2D_S = 0.6
CPU_SLICE_S = 0.012
BEFORE = 0.25
"""Part of the CPU time before the first call: reading, planning, encoding."""
_B64 = 4 / 3
_PNG = 1.0e6
_MASK = 1024 * 1024
CT_SLICES, MR_SLICES = 150, 150
_CT_VOLUME = CT_SLICES * 512 * 512 * 1.4
_MR_VOLUME = MR_SLICES * 256 * 256 * 0.96
_LABELS = 0.3e6


@dataclass(frozen=True)
class Call:
    """One call to a model; bytes on the wire."""

    model: str
    up: int
    down: int


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Attributes:
        cpu_s: of the worker, all steps together.
        calls: one after the other.
        dicom_bytes: of the study. output_bytes: of its artifacts.
    """

    name: str
    cpu_s: float
    calls: tuple[Call, ...]
    dicom_bytes: int
    output_bytes: int

    @property
    def cpu_parts(self) -> tuple[float, float]:
        """Seconds before the first call and after the last one."""
        return BEFORE * self.cpu_s, (1 - BEFORE) * self.cpu_s


def _call(model: str, up: float, down: float) -> Call:
    return Call(model, round(_B64 * up), round(_B64 * down))


_OUTPUT_2D = 750_000
KINDS: tuple[Kind, ...] = (
    Kind(
        "chest film",
        CPU_2D_S,
        (_call(INSIGHT, 0.3e6, 5e3), _call(CXR, 3e6, 5e3), _call(PARSE, _PNG, 2 * _MASK)),
        8_000_000,
        _OUTPUT_2D,
    ),
    Kind("other film", CPU_2D_S, (_call(INSIGHT, 0.3e6, 5e3), _call(PARSE, _PNG, _MASK)), 8_000_000, _OUTPUT_2D),
    Kind("ultrasound", CPU_2D_S, (_call(PARSE, 3 * _PNG, 3 * _MASK),), 20_000_000, _OUTPUT_2D),
    Kind("mammogram", CPU_2D_S, (_call(INSIGHT, 4 * 0.3e6, 2e4),), 100_000_000, _OUTPUT_2D),
    Kind(
        "CT",
        CPU_2D_S + CT_SLICES * CPU_SLICE_S,
        (_call(PARSE3D, _CT_VOLUME, _LABELS),),
        CT_SLICES * 525_000,
        _OUTPUT_2D + 3 * CT_SLICES * 512 * 512 // 8,
    ),
    Kind(
        "MR",
        CPU_2D_S + MR_SLICES * CPU_SLICE_S,
        (_call(PARSE3D, _MR_VOLUME, _LABELS),),
        MR_SLICES * 132_000,
        _OUTPUT_2D + 3 * MR_SLICES * 256 * 256 // 8,
    ),
)

SHARES: Mapping[Patients, tuple[float, ...]] = {
    Patients.EMERGENCY: (0.35, 0.30, 0.08, 0.0, 0.25, 0.02),
    Patients.INPATIENT: (0.50, 0.12, 0.13, 0.0, 0.20, 0.05),
    Patients.OUTPATIENT: (0.12, 0.30, 0.30, 0.07, 0.08, 0.13),
    Patients.RESEARCH: (0.40, 0.10, 0.10, 0.10, 0.20, 0.10),
}
"""Of `KINDS`, by kind of patient."""

CODES: Mapping[Priority, str] = {
    Priority.STAT: "S",
    Priority.URGENT: "A",
    Priority.ROUTINE: "R",
    Priority.RESEARCH: "RESEARCH",
}
"""How orders say it: HL7 table 0485, and our own word."""
ORDERED: Mapping[Patients, tuple[float, float, float, float]] = {
    Patients.EMERGENCY: (0.30, 0.60, 0.10, 0.0),
    Patients.INPATIENT: (0.08, 0.27, 0.65, 0.0),
    Patients.OUTPATIENT: (0.0, 0.05, 0.95, 0.0),
    Patients.RESEARCH: (0.0, 0.0, 0.0, 1.0),
}
"""Of the priorities, most urgent first, by kind of patient."""
HIDDEN = 0.005
"""Of ROUTINE orders: their indication cannot wait."""
HIDDEN_INDICATION = "Thunderclap headache, rule out subarachnoid haemorrhage."
