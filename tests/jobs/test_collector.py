"""What a process has loaded is left out of collections; what it makes later is collected as ever."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc, weakref
from jobs.collector import set_aside

class Thing:
    pass

def ring():
    one = Thing()
    one.self = one
    return weakref.ref(one)

set_aside()
assert gc.get_freeze_count() > 1000
later = ring()
gc.collect()
assert later() is None
"""


def test_what_came_later_is_still_collected() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
