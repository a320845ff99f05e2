"""Write the description of the API, which the page's types are made of.

python -m api.describe web/openapi.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from api.application import create_app
from api.services import Services

VERSION = "1"
"""Of the contract under /api/v1; the software's own version would change the file with each release."""


def description() -> dict[str, Any]:
    """OpenAPI 3.1 of every route."""
    nothing = cast(Any, None)  # routes are described, none is called
    services = Services(
        studies=nothing,
        store=nothing,
        intake=nothing,
        analyses=nothing,
        audit=nothing,
        bindings=nothing,
        queue=nothing,
        conversations=nothing,
        compute=nothing,
        clock=nothing,
        software_version=VERSION,
        inbox=Path(),
    )
    return create_app(services).openapi()


def as_text() -> str:
    """The description as it is kept in the repository."""
    return json.dumps(description(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_text(), "utf-8")
