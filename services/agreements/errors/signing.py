"""Named refusals of signing; their wording is in wording/signing/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class NotYourTurnToSign(Refusal):
    """Others sign first. Values: awaited (party ids), names (theirs, as the freezing of the text knew them)."""

    slug = "not-your-turn-to-sign"
