"""The offer: what is frozen can be signed until a day, of which those whose turn it is are reminded before."""

from datetime import date, timedelta

from services.agreements.errors.signing import OfferExpired
from services.agreements.ruled import Ruled


class Offered(Ruled):
    """Until when it can be signed: agreements and amendments alike."""

    offered_until: date | None = None
    """The last day to sign; none if the kind sets no limit."""
    offer_over: bool = False
    reminded: int | None = None
    """The last reminder sent, by its days before the end of the offer."""

    @property
    def being_signed(self) -> bool:
        """Whether it waits for signatures."""
        raise NotImplementedError

    @property
    def expires_on(self) -> date | None:
        """The last day to sign while an offer stands that has one."""
        return self.offered_until if self.being_signed and not self.offer_over else None

    @property
    def remind_on(self) -> date | None:
        """The day of the next reminder, if there is one left."""
        left = self._reminders_left()
        return self.expires_on - timedelta(days=max(left)) if self.expires_on and left else None

    def reminder_due(self, today: date) -> int | None:
        """Which reminder is due, by its days before the end: late ones are one; none if there is none."""
        if self.expires_on is None:
            return None
        left = [days for days in self._reminders_left() if today >= self.expires_on - timedelta(days=days)]
        return min(left, default=None)

    def require_offer(self, today: date) -> None:
        """Refuse OfferExpired after the last day."""
        if self.offered_until and today > self.offered_until:
            raise OfferExpired(offered_until=self.offered_until)

    def offer_until(self, day: date | None) -> None:
        """Begin an offer that ends with this day."""
        self.offered_until, self.offer_over, self.reminded = day, False, None

    def _reminders_left(self) -> list[int]:
        return [days for days in self.rules.signing.remind_days if self.reminded is None or days < self.reminded]
