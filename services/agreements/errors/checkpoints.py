"""Named refusals of proofs; their wording is in wording/checkpoints/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class NotYetBound(Refusal):
    """No checkpoint was taken since the agreement was drafted."""

    slug = "not-yet-bound"
