"""Named refusals of texts and terms; their wording is in wording/kinds/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ClauseRepeated(Refusal):
    """Two clauses have the same key, so that they could not be told apart in a later version. Values: keys."""

    status = 422
    slug = "clause-repeated"


class TextLost(Refusal):
    """The store does not have what was kept there any more. Values: places, where: as of TextTampered."""

    status = 500
    slug = "text-lost"


class TextOutdated(Refusal):
    """Clauses that nobody has edited say what was to be agreed before. Values: clauses (keys), names (titles)."""

    slug = "text-outdated"


class NothingToRedraw(Refusal):
    """No clause that nobody has edited says anything but what is to be agreed."""

    slug = "nothing-to-redraw"
