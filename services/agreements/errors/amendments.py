"""Named refusals of amendments; their wording is in wording/amendments/."""

from shared.refusals import Refusal


class NothingAmended(Refusal):
    """The branch says what the agreement says."""

    slug = "nothing-amended"


class RebaseConflicts(Refusal):
    """Both sides changed the same parts. Values: conflicts, a list of {part, key, base, current, branch}; where.

    Each is resolved by naming the side that stands; `where` are their names by language.
    """

    slug = "rebase-conflicts"


class ContentHashDiffers(Refusal):
    """The signature names another content than the frozen one. Values: frozen, named."""

    slug = "content-hash-differs"


class NotTouched(Refusal):
    """The amendment does not touch this party: it need not sign. Values: party."""

    slug = "not-touched"


class CenterRemoved(Refusal):
    """A center leaves an agreement by its closing, not by an amendment. Values: centers, names."""

    slug = "center-removed"


class KeeperRemoved(Refusal):
    """The party that keeps the agreement stays. Values: party, which (academy or ministry)."""

    slug = "keeper-removed"


class CenterMoved(Refusal):
    """A center stays in its province; in another one it is another center.

    Values: center, province, name (the center's), where (the province by its name).
    """

    slug = "center-moved"


class StartIsKept(Refusal):
    """The agreement has begun, or is signed to begin, on its day. Values: effective_from."""

    slug = "start-is-kept"


class BeyondItsType(Refusal):
    """An amendment of this type does not go so far.

    Values: amendment_type, parts, may (the parts it may change), where and names (both in words).
    """

    status = 422
    slug = "beyond-its-type"


class PartUnknown(Refusal):
    """What is neither in the agreement nor on a branch of it is new, and has no id yet. Values: part, ids, where."""

    status = 422
    slug = "part-unknown"


class SignedAmendmentStands(Refusal):
    """All have signed and nothing hinders it: it is applied when the agreement is in force. Values: reference."""

    slug = "signed-amendment-stands"


class ChildrenBeyondTerm(Refusal):
    """Agreements that follow this one would outlast it. Values: children (ids), references, effective_until."""

    slug = "children-beyond-term"
