"""Named refusals of framework agreements and their children; their wording is in wording/families/."""

from shared.refusals import Refusal


class ChildNotOfKind(Refusal):
    """The parent's kind has no such children.

    Values: parent, title (the parent's), agreement_kind, name (the kind's), children (the kinds it may have), names.
    """

    status = 422
    slug = "child-not-of-kind"


class ParentNotFollowed(Refusal):
    """Nothing follows the agreement that is to be followed. Values: parent, title (the parent's)."""

    status = 422
    slug = "parent-not-followed"


class ParentUnknown(Refusal):
    """The agreement that is to be followed does not exist, or not for this person. Values: parent."""

    status = 422
    slug = "parent-unknown"


class ParentNotSigned(Refusal):
    """A child is signed after its parent. Values: parent, reference."""

    slug = "parent-not-signed"


class ParentAtRest(Refusal):
    """Nothing is signed under a parent that is suspended. Values: parent, reference, since."""

    slug = "parent-at-rest"


class ParentNotInForce(Refusal):
    """A child binds while its parent does. Values: parent, reference."""

    slug = "parent-not-in-force"


class ParentOver(Refusal):
    """The parent has ended. Values: parent, reference."""

    slug = "parent-over"


class TermBeyondParent(Refusal):
    """A child starts no earlier and ends no later than its parent. Values: parent, effective_from, effective_until."""

    status = 422
    slug = "term-beyond-parent"
