"""How an event type's example is told, in a language, on every channel."""

from dataclasses import asdict

from services.notifications.kinds import kinds
from services.notifications.letters import compose_letter
from services.notifications.permissions import PERMISSIONS
from services.notifications.queries.event_types import NOBODY, example_of
from services.notifications.schemas.people import PreviewAnswer
from shared.actor import Actor
from shared.events.catalog import BY_TYPE
from shared.refusals import NotFound

PLACE = "exemple@mithaq.example"


def preview(type: str, *, language: str, by: Actor) -> PreviewAnswer:
    """The example as it would be told. Raises NotFound for a type that is not published."""
    PERMISSIONS.allow(by, "preview_notice")
    if type not in BY_TYPE:
        raise NotFound()
    notice = example_of(type)
    letter = compose_letter(
        [notice], letter_id=NOBODY, sender=PLACE, recipient=PLACE, language=language, date=notice.time
    )
    kind = asdict(kinds().of(type))
    parts = {kind: letter.get_body((kind,)) for kind in ("plain", "html")}
    return PreviewAnswer(
        type=type,
        language=language,
        kind={name: kind[name] for name in ("importance", "statutory", "receipt", "queue")},
        summary=notice.summary(language),
        payload=notice.payload(academy="MA-06", sequence=1, language=language),
        subject=str(letter["Subject"]),
        text="" if parts["plain"] is None else parts["plain"].get_content(),
        html="" if parts["html"] is None else parts["html"].get_content(),
    )
