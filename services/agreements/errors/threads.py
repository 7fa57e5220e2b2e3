"""Named refusals of comments; their wording is in wording/threads/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ClauseUnknown(Refusal):
    """The text has no such clause. Values: clause."""

    status = 422
    slug = "clause-unknown"


class ObligationUnknown(Refusal):
    """Nothing of what is agreed is such an obligation. Values: obligation."""

    status = 422
    slug = "obligation-unknown"


class NotToBeMentioned(Refusal):
    """Who is named is not known to see it, whether they exist or not. Values: named."""

    status = 422
    slug = "not-to-be-mentioned"


class ThreadFull(Refusal):
    """The thread holds as many comments as it may. Values: most."""

    slug = "thread-full"


class PointsFull(Refusal):
    """As many of its points are open as may be. Values: most."""

    slug = "points-full"


class NotYourThread(Refusal):
    """Another party opened it, and another keeps the file."""

    status = 403
    slug = "not-your-thread"
