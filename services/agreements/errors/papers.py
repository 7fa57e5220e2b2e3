"""Named refusals of papers; their wording is in wording/papers/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class CharactersNotPrintable(Refusal):
    """The fonts have no letters for some characters, which would be missing on paper. Values: characters."""

    slug = "characters-not-printable"


class NotLegible(Refusal):
    """Parts hold what no paper can show as it is. Values: where (by language, each with its signs)."""

    slug = "not-legible"


class PaperNotSet(Refusal):
    """What a paper says cannot be set: nothing of it is given out. Values: reason (the typesetter's, in English)."""

    slug = "paper-not-set"
