"""Named refusals of papers; their wording is in wording/papers/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class CharactersNotPrintable(Refusal):
    """The fonts have no letters for some characters, which would be missing on paper. Values: characters."""

    slug = "characters-not-printable"
