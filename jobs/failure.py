"""Errors that nobody foresaw: logged so that a developer can find them, told so that a user can go on."""

from __future__ import annotations

import logging
import traceback
import uuid

_log = logging.getLogger(__name__)


def internal_error(error: BaseException) -> tuple[str, str]:
    """Log an unforeseen error without its text (it may quote a patient) and say how to find it.

    Returns:
        Reason and remedy for the user.
    """
    reference = uuid.uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("internal error %s: %s\n%s", reference, type(error).__name__, frames)
    return "An internal error happened.", f"Try again; if it stays, report reference {reference} from the log."
