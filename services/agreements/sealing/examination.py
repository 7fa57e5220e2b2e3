"""Looking at a file that is said to be sealed: what each of its seals is worth by itself.

Runs in the worker, with bounds: the file is anybody's. What the journal says is compared elsewhere.
"""

import asyncio
import hashlib
import io
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from asn1crypto.cms import CMSAttribute  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from services.agreements.sealing.holder import certificate_of, key_of
from services.agreements.sealing.qualified import is_qualified
from services.agreements.sealing.steps import StepByStep
from services.agreements.sealing.timestamps import stamped_at
from services.agreements.sealing.trust import Flaw, Trust
from shared.events.agreements import SealingCertificate
from shared.worker import TookTooLong, bounded

LONGEST = 8.0
"""Seconds of the processor's time for one file of anybody's."""
LONGEST_OF_OURS = 30.0
"""The same for one that we made, to the byte: nobody made that to keep us busy."""
MOST = 64
"""Seals in a file that are looked at."""
MOST_STAMPS = 4
"""Time-stamps on a seal that are looked at."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Nothing was sealed before: the first PDF is of 1993."""
AHEAD = timedelta(days=1)
"""How far a clock that made a seal may be ahead of ours."""
NAMED = re.compile(r"[0-9a-f]{64}")


class NotReadable(Exception):
    """No PDF that can be read to its end: cut off, damaged, or made to keep us busy."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as its file shows it."""

    field: str
    """The party's id, if we made it."""
    content_hash: str | None
    """Of what was agreed, as signed along."""
    revision: str
    """SHA-256 of the file up to the end of this seal: what the journal keeps of it."""
    made_at: datetime
    """As its time-stamp tells, else as it says itself."""
    stamped: bool
    """Whether an authority that leads to a root of ours stamped that time."""
    stamp_unreadable: bool
    """Whether it carries a time-stamp that cannot be read, which tells nothing."""
    flaws: tuple[Flaw, ...]
    lapsed: bool
    """Whether its certificate, good when it was made, has ended since."""
    revocation_known: bool
    """Whether a revocation list of its issuer is at hand; otherwise revocation was not looked at."""
    qualified: bool
    """Whether its certificate is a qualified one."""
    certificate: SealingCertificate
    """Whose its certificate is."""
    key: str
    """Which key it was made with: the same for the same key."""


def examine(file: bytes, trust: Trust, now: datetime, *, ours: bool = False) -> tuple[Seal, ...]:
    """The seals of a file in their order, none if it has none. Raises NotReadable.

    `ours` gives it more time and believes it nothing.
    """
    # It logs a stack trace for each seal that it does not trust, and anybody may bring those.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        with bounded(LONGEST_OF_OURS if ours else LONGEST):
            return asyncio.run(_examine(file, trust, now))
    except TookTooLong:
        raise NotReadable("took too long") from None
    except Exception as error:  # whatever a hostile file makes a parser raise
        raise NotReadable(type(error).__name__) from None


async def _examine(file: bytes, trust: Trust, now: datetime) -> tuple[Seal, ...]:
    reader = PdfFileReader(io.BytesIO(file))
    found = reader.embedded_regular_signatures
    if len(found) > MOST:
        raise NotReadable("too many seals")
    steps = StepByStep(min((each.signed_revision for each in found), default=0))
    return tuple([await _look(each, file, trust, now, steps, last=each is found[-1]) for each in found])


async def _look(
    seal: EmbeddedPdfSignature, file: bytes, trust: Trust, now: datetime, steps: StepByStep, *, last: bool
) -> Seal:
    certificate: Certificate = seal.signer_cert
    stamp, all_read = await _stamp_of(seal, trust, now)
    # They are judged; in our library's eyes one that it cannot read would spoil the whole file.
    seal.signer_info["unsigned_attrs"] = None
    made_at = stamp or seal.self_reported_timestamp
    if made_at is None or not EARLIEST < made_at < now + AHEAD:
        raise NotReadable("a seal without its time")
    others = list(seal.other_embedded_certs)
    status = await async_validate_pdf_signature(seal, trust.context(others, made_at), diff_policy=steps)
    flaws = []
    if not (status.intact and status.valid):
        flaws.append(Flaw.altered)
    elif not _is_followed_by_seals_only(status, last):
        flaws.append(Flaw.extended)
    then, later = await trust.history(certificate, others, made_at, now)
    flaw = then.flaw
    _, _, rest, tail = seal.byte_range
    reason = NAMED.search(str(seal.sig_object.get("/Reason", "")))
    return Seal(
        field=str(seal.field_name),
        content_hash=reason[0] if reason else None,
        revision=hashlib.sha256(file[: int(rest) + int(tail)]).hexdigest(),
        made_at=made_at,
        stamped=stamp is not None,
        stamp_unreadable=not all_read,
        flaws=(*flaws, flaw) if flaw else tuple(flaws),
        lapsed=flaw is None and (now > certificate.not_valid_after or later.flaw is not None),
        revocation_known=then.revocation_known or later.revocation_known,
        qualified=is_qualified(certificate, trust.policies),
        certificate=certificate_of(certificate.dump()),
        key=key_of(certificate.dump()),
    )


async def _stamp_of(seal: EmbeddedPdfSignature, trust: Trust, now: datetime) -> tuple[datetime | None, bool]:
    """The earliest of the times stamped on it by an authority that counts, and whether each stamp could be read."""
    signature: bytes = seal.signer_info["signature"].native
    told, all_read = list[datetime | None](), True
    try:
        stamps = list(islice(_stamps(seal), MOST_STAMPS))
    except Exception:  # whatever attributes make a parser raise
        return None, False
    for attribute, place in stamps:
        try:
            token = attribute["values"][place]["content"]
            told.append(await stamped_at(token, signature, trust, now))
        except Exception:  # whatever a token makes a parser raise
            all_read = False
    return min((each for each in told if each), default=None), all_read


def _stamps(seal: EmbeddedPdfSignature) -> Iterator[tuple[CMSAttribute, int]]:
    """The time-stamps on it, each by its attribute and its place in there: none is parsed before it is read."""
    for attribute in seal.signer_info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            yield from ((attribute, place) for place in range(len(attribute["values"])))


def _is_followed_by_seals_only(status: Any, last: bool) -> bool:
    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return True
    if last or status.coverage != SignatureCoverageLevel.ENTIRE_REVISION:
        return False
    return bool(status.docmdp_ok) and status.modification_level <= ModificationLevel.FORM_FILLING
