"""The error tree. A class's docstring is its fact; every raise adds where it happened and what to do.

MedImageError
├── UnusableInput             a file or object that cannot be used; the rest of the work goes on
│   ├── FileUnreadable            not a format that we read, or broken before its pixels
│   ├── PixelsUndecodable         the header reads, the pixels do not
│   ├── NotAnImage                a valid object without pixels to interpret (SR, RTPLAN, SEG, …)
│   ├── GeometryInvalid           positions or orientation contradict each other
│   └── OutOfDistribution         pixels, but no medical image that any model here was made for
├── SpacingMissing            a physical measurement was asked of pixels without a physical size
├── TargetRefused             a prompt that is not imaging, or does not fit modality or region
├── PatientLockViolation      data of a patient other than the one that this work is bound to
├── BurnedInTextSuspected     pixels that may carry identity must not leave for a remote model
├── ModelError
│   ├── ModelUnavailable          no model here answers this question
│   ├── ModelUnreachable          connection, time-out, 429 or 5xx: worth another try
│   ├── ModelRefused              the endpoint rejected the request: not worth another try
│   └── ModelResponseInvalid      an answer that breaks the contract; never turned into a mask
├── ChatError                 the chat model failed
│   └── BudgetExceeded            steps, tokens or seconds of a turn are used up
├── NotFound                  StudyNotFound, AnalysisNotFound, JobNotFound, ArtifactNotFound, BoardNotFound,
│                             OpinionNotFound
├── TransitionRefused         the life of an analysis does not allow that step
│   ├── CriticalUntold            a signature while a critical finding is not settled
│   └── SignatureBroken           files of a signed analysis are not what was signed
├── ReviewRefused             a reviewer's edit that does not fit the draft
├── BoardClosed               a tumour board that has ended takes nothing more
└── ConfigurationError        a setting that cannot work
"""

from __future__ import annotations


class MedImageError(Exception):
    """Something that this system can name.

    Args:
        reason: what is wrong, without patient data.
        remedy: what the reader can do about it.
        where: the file name, field, setting or endpoint it is about.
    """

    remedy_default = "See docs/troubleshooting.md."

    def __init__(self, reason: str, *, remedy: str = "", where: str = "") -> None:
        self.reason = reason
        self.remedy = remedy or self.remedy_default
        self.where = where
        super().__init__(reason)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.reason} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders; Exception's own pickling drops keyword arguments.
        return (_rebuild, (type(self), self.reason, self.remedy, self.where))


def _rebuild(kind: type[MedImageError], reason: str, remedy: str, where: str) -> MedImageError:
    return kind(reason, remedy=remedy, where=where)


class UnusableInput(MedImageError):
    """A file or object that cannot be used."""

    remedy_default = "Send the file again from its source."


class FileUnreadable(UnusableInput):
    """Not a format that is read here, or broken before its pixels."""

    remedy_default = "Send DICOM, NIfTI, TIFF, PNG or JPEG; export the file again if it is one of these."


class PixelsUndecodable(UnusableInput):
    """The header can be read, the pixels cannot."""

    remedy_default = "Export the image again, uncompressed or in a lossless transfer syntax."


class NotAnImage(UnusableInput):
    """A valid object without pixels to interpret."""

    remedy_default = "Send the images that it refers to."


class GeometryInvalid(UnusableInput):
    """Positions, orientation or spacing contradict each other."""

    remedy_default = "Check ImagePositionPatient, ImageOrientationPatient and PixelSpacing at the source."


class OutOfDistribution(UnusableInput):
    """Pixels, but no medical image that a model here was made for."""

    remedy_default = "Check that the right file was sent; nothing is reported about it."


class SpacingMissing(MedImageError):
    """A physical measurement was asked of pixels without a physical size."""

    remedy_default = "Send images with PixelSpacing; without it only pixels can be counted."


class TargetRefused(MedImageError):
    """A prompt that is not imaging, or does not fit the modality or region."""

    remedy_default = "Ask for a structure or abnormality that this examination can show."


class PatientLockViolation(MedImageError):
    """Data of another patient than the one this work is bound to."""

    remedy_default = "Open a conversation or analysis for that patient."


class BurnedInTextSuspected(MedImageError):
    """Pixels that may carry identity must not leave for a remote model."""

    remedy_default = "Have a person look at the image and release it, or use a model on this machine."


class ModelError(MedImageError):
    """A model did not give a usable answer."""


class ModelUnavailable(ModelError):
    """No model here answers this question."""

    remedy_default = "Not available on this machine; configure an endpoint (MEDIMAGE_MODELS__…__ENDPOINTS)."


class ModelUnreachable(ModelError):
    """Connection refused or reset, time-out, 429 or 5xx: another try may succeed."""

    remedy_default = "Check the endpoint with `app.py doctor`; the call is tried again by itself."


class ModelRefused(ModelError):
    """The endpoint rejected the request; the same request will be rejected again."""

    remedy_default = "Check the endpoint's URL, key and deployment with `app.py doctor`."


class ModelResponseInvalid(ModelError):
    """An answer that breaks the model's contract."""

    remedy_default = "Check that the endpoint serves the model it is configured for."


class ChatError(MedImageError):
    """The chat model failed."""

    remedy_default = "The built-in planner takes over; check the chat provider with `app.py doctor`."


class BudgetExceeded(ChatError):
    """The steps, tokens or seconds of a turn are used up."""

    remedy_default = "Ask for less at once, or raise MEDIMAGE_BUDGET__…"


class NotFound(MedImageError):
    """Nothing with that identifier that this user may see."""

    remedy_default = "Check the identifier; list what is there with GET on the collection."


class StudyNotFound(NotFound):
    """No such study."""


class AnalysisNotFound(NotFound):
    """No such analysis."""


class JobNotFound(NotFound):
    """No such job."""


class ArtifactNotFound(NotFound):
    """No such artifact."""


class HistoryUnavailable(MedImageError):
    """The source of the patient's history does not answer, or answers what is no history."""

    remedy_default = "Check the FHIR server's address and token with `app.py doctor`; the images can be read without."


class ApprovalNotFound(NotFound):
    """No request for approval with that identifier, for this patient."""


class ApprovalDecided(MedImageError):
    """A request was decided already, or its time is over."""

    remedy_default = "Ask for the effect again: that makes a new request."


class BoardNotFound(NotFound):
    """No such tumour board."""


class OpinionNotFound(NotFound):
    """No such request for an opinion on this analysis."""


class BoardClosed(MedImageError):
    """A tumour board that has ended takes nothing more."""

    remedy_default = "Read it as it is, or open a new board for the same studies."


class TransitionRefused(MedImageError):
    """The life of an analysis does not allow that step."""


class CriticalUntold(TransitionRefused):
    """A signature while a critical finding is neither told nor dismissed by the attending."""

    remedy_default = "Tell it, and record as the attending who was told and when; or dismiss it with a reason."


class SignatureBroken(TransitionRefused):
    """Files of a signed analysis are not what was signed."""

    remedy_default = "Deliver nothing of it; restore the folder from a backup, or analyse and sign the study again."


class ReviewRefused(MedImageError):
    """A reviewer's edit that does not fit the draft."""

    remedy_default = "Read the analysis again and send the ids of its findings."


class ConfigurationError(MedImageError):
    """A setting that cannot work."""

    remedy_default = "Correct the setting and run `app.py doctor`."
