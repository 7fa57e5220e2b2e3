"""Named refusals of searches; their wording is in wording/searches/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ListTooLong(Refusal):
    """More agreements are found than one file holds. Values: most."""

    slug = "list-too-long"


class TooManyWords(Refusal):
    """A search has so many words and no more. Values: most."""

    status = 422
    slug = "too-many-words"


class TooManySearches(Refusal):
    """A person keeps so many searches and no more. Values: most."""

    slug = "too-many-searches"
