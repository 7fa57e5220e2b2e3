"""Named points at which a failure test may kill or stop the process."""

import os
import signal

CRASH_AT = os.environ.get("MITHAQ_CRASH_AT")
STOP_AT = os.environ.get("MITHAQ_STOP_AT")


def crash_point(name: str, who: str = "") -> None:
    """Die at once, as in a power cut, if MITHAQ_CRASH_AT names this point; fall asleep if MITHAQ_STOP_AT does.

    Where several in a process pass the same point, the one that is meant may be named with it:
    `consumer.after-commit reporting.agreements`.
    """
    if CRASH_AT or STOP_AT:
        names = {name, f"{name} {who}"}
        if CRASH_AT in names:
            os.kill(os.getpid(), signal.SIGKILL)
        if STOP_AT in names:
            os.kill(os.getpid(), signal.SIGSTOP)


def will_crash_at(name: str) -> bool:
    """Whether this process is to die at the point."""
    return name == CRASH_AT
