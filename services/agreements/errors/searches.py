"""Named refusals of searches; their wording is in wording/searches/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class ListTooLong(Refusal):
    """More agreements are found than one file holds. Values: most."""

    slug = "list-too-long"


class TooManyWords(Refusal):
    """A search has so many words and no more. Values: most."""

    status = 422
    slug = "too-many-words"


class WordsTooFrequent(Refusal):
    """So many agreements would be asked for the words, one after the other, that no file is made. Values: most."""

    slug = "words-too-frequent"


class TooManySearches(Refusal):
    """A person keeps so many searches and no more. Values: most."""

    slug = "too-many-searches"
