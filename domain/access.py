"""Who touches whose data, and for what: required wherever patient data is read or written."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import PatientLockViolation


@dataclass(frozen=True)
class AccessContext:
    """A user, the one patient their work is bound to, and the purpose.

    Attributes:
        patient_key: `Patient.key`; None for work that is about no patient yet (upload, lists).
    """

    user: str
    patient_key: str | None
    purpose: str = "TREAT"

    def require(self, patient_key: str) -> None:
        """Refuse any other patient's data.

        Raises:
            PatientLockViolation: the data belongs to somebody else.
        """
        if self.patient_key is None or self.patient_key != patient_key:
            raise PatientLockViolation("This work is bound to another patient.")
