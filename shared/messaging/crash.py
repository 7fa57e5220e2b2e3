"""Named points at which a failure test may kill the process, as a power cut would."""

import os
import signal

CRASH_AT = os.environ.get("MITHAQ_CRASH_AT")


def crash_point(name: str) -> None:
    """Die at once, uncleanly, if MITHAQ_CRASH_AT names this point. Otherwise nothing."""
    if CRASH_AT == name:
        os.kill(os.getpid(), signal.SIGKILL)
