"""Whose rules a file goes by: its kind's of today while it is drafted, those of its approval from then on."""

from collections.abc import Mapping, Set
from typing import Any

from services.agreements.kinds import KINDS, Kind, Rules, rules_of
from shared.aggregate import Aggregate
from shared.audit import canonical

BY_RULES = frozenset({"documents", "editions", "obligations"})


class Ruled(Aggregate):
    """A file of a kind: agreements and amendments alike."""

    agreement_kind: str = "academy-association"
    kept_rules: str | None = None
    """The rules under which the agreement was approved, as canonical JSON: a text is read and written at once.

    None before, and for what was approved before rules were kept.
    """

    @property
    def rules(self) -> Rules:
        """What is asked of it: what its approval rested on, for good; today's kind until then."""
        return rules_of(self.kept_rules) if self.kept_rules else self.todays_kind

    @property
    def todays_kind(self) -> Kind:
        """Its kind as it is today, whatever was asked when it was approved."""
        return KINDS[self.agreement_kind]

    @property
    def kind_version(self) -> int | None:
        """The version of its kind whose rules it keeps; None while it follows today's."""
        return self.rules.version if self.kept_rules else None

    def by_rules(self) -> Set[str]:
        """Of what keeps no rules, what today's kind has a part in: another kind makes other ones of the same events."""
        return frozenset() if self.kept_rules else BY_RULES

    def keep(self, rules: Mapping[str, Any] | None) -> None:
        """Go by these rules from now on, as an event has them; None: by today's."""
        self.kept_rules = canonical(rules).decode() if rules else None
