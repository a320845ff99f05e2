"""The socket that the server listens on, taken before anything else is started."""

from __future__ import annotations

import socket

from domain.errors import ConfigurationError


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: something else listens there already.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = f"Nothing can listen on {host}:{port}: {error.strerror or type(error).__name__}."
        remedy = "Set MEDIMAGE_SERVER__PORT to a free port, or stop what uses this one."
        raise ConfigurationError(reason, where="MEDIMAGE_SERVER__PORT", remedy=remedy) from None
