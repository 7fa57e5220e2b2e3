"""Time-stamps of an authority over seals (RFC 3161), which make them PAdES baseline B-T (ETSI EN 319 142-1, 6.3)."""

import asyncio
import hashlib
from datetime import datetime

from asn1crypto.cms import ContentInfo, SignedData  # type: ignore[import-untyped]
from pyhanko.sign.timestamps import HTTPTimeStamper, TimeStamper
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_tst_signed_data

from services.agreements.sealing.port import PATIENCE
from services.agreements.sealing.trust import Trust

HASH = "sha256"


async def stamp(url: str, signature: bytes) -> bytes:
    """The token (DER) that the authority at this address gives over a signature. Raises OSError."""
    authority = HTTPTimeStamper(url, timeout=PATIENCE)
    token = await authority.async_timestamp(hashlib.sha256(signature).digest(), HASH)
    return bytes(token.dump())


def counts(token: bytes, signature: bytes, trust: Trust, now: datetime) -> bool:
    """Whether a token tells the time of a signature by an authority of ours. Runs in the worker."""
    try:
        return asyncio.run(stamped_at(ContentInfo.load(token)["content"], signature, trust, now)) is not None
    except Exception:  # whatever an authority's answer makes a parser raise
        return False


async def stamped_at(token: SignedData, signature: bytes, trust: Trust, now: datetime) -> datetime | None:
    """When the token says that the signature was there; None if it is of another one, or of no authority of ours."""
    moment: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    given = extract_certs_for_validation(token)
    authority, others = given.signer_cert, list(given.other_certs)
    found = await validate_tst_signed_data(
        token, trust.context(others, moment), lambda algorithm: hashlib.new(algorithm, signature).digest()
    )
    if not (found["intact"] and found["valid"]):
        return None
    then, _ = await trust.history(authority, others, moment, now, stamps=True)
    return None if then.flaw else moment


class Given(TimeStamper):
    """Hands over a token that is there already."""

    def __init__(self, token: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._token = token

    async def async_timestamp(self, *_: object, **__: object) -> ContentInfo:
        """The token, whatever it is asked for."""
        return ContentInfo.load(self._token)
