"""Named points at which a failure test may kill the process, as a power cut would."""

import os
import signal

CRASH_AT = os.environ.get("MITHAQ_CRASH_AT")


def crash_point(name: str) -> None:
    """Die at once, uncleanly, if MITHAQ_CRASH_AT names this point. Otherwise nothing."""
    if will_crash_at(name):
        os.kill(os.getpid(), signal.SIGKILL)


def will_crash_at(name: str) -> bool:
    """Whether this process is to die at the point."""
    return name == CRASH_AT
