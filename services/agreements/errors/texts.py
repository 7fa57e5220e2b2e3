"""Named refusals of texts and terms; their wording is in wording/kinds/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ClauseRepeated(Refusal):
    """Two clauses have the same key, so that they could not be told apart in a later version. Values: keys."""

    status = 422
    slug = "clause-repeated"
