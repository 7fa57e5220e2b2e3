"""Which certificates count: those that lead to a root of ours, on the day that is asked about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from asn1crypto import pem  # type: ignore[import-untyped]
from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    PathError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule

CHECKED, UNCHECKED = RevocationCheckingRule.CRL_REQUIRED, RevocationCheckingRule.NO_CHECK
IF_THERE = RevocationCheckingRule.CHECK_IF_DECLARED_SOFT
"""For the authorities between a certificate and its root."""
STAMPING = "time_stamping"
"""The one use of a certificate that stamps the time (RFC 3161, 2.3)."""


class Flaw(StrEnum):
    """Why a seal does not hold, each by its name; the gravest first."""

    of_another = "of_another"
    """It is a seal under another agreement."""
    altered = "altered"
    """What it covers is not what was sealed, or its signature is not of its certificate's key."""
    extended = "extended"
    """The file was changed after it, by something else than a seal of ours."""
    untrusted = "untrusted"
    """Its certificate leads to no root of ours."""
    revoked = "revoked"
    """Its certificate had been revoked when it was made."""
    expired = "expired"
    """Its certificate was not valid yet, or no longer, when it was made."""
    unrecorded = "unrecorded"
    """The journal knows of no such signature."""
    stale = "stale"
    """The text was reopened after it, which made it void."""
    contested = "contested"
    """The mandate turned out to have ended before it."""
    unqualified = "unqualified"
    """It was recorded as a qualified signature, and its certificate is none for those."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Roots and revocation lists, in DER. Nothing is fetched: what is not here is not known."""

    roots: tuple[bytes, ...]
    lists: tuple[bytes, ...] = ()
    policies: tuple[str, ...] = ()
    """Of a qualified certificate, see is_qualified."""

    @classmethod
    def read(cls, file: Path) -> "Trust":
        """Out of a PEM file with certificates and revocation lists in any order. ValueError if it holds no root."""
        content = file.read_bytes()
        blocks = list(pem.unarmor(content, multiple=True)) if pem.detect(content) else []
        found = {kind: tuple(der for name, _, der in blocks if re.search(kind, name)) for kind in ("CERT", "CRL")}
        if not found["CERT"]:
            raise ValueError(f"{file} holds no certificate in PEM")
        return cls(found["CERT"], found["CRL"])

    def context(
        self, others: Sequence[Certificate], moment: datetime, rule: RevocationCheckingRule = UNCHECKED
    ) -> ValidationContext:
        """How things stood at a moment, as is known today."""
        return ValidationContext(
            trust_roots=[Certificate.load(root) for root in self.roots],
            other_certs=list(others),
            crls=list(self.lists),
            moment=moment,
            allow_fetching=False,
            retroactive_revinfo=True,
            revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, IF_THERE)),
        )

    async def history(
        self,
        certificate: Certificate,
        others: Sequence[Certificate],
        moment: datetime,
        now: datetime,
        *,
        stamps: bool = False,
    ) -> tuple["Standing", "Standing"]:
        """How a certificate stood at a moment, by what is known now, and how it stood since, until its end."""
        then = await self.standing(certificate, others, moment, stamps=stamps)
        until = max(moment, min(now, certificate.not_valid_after))
        later = await self.standing(certificate, others, until, stamps=stamps)
        # A revocation that is told later may reach back before the moment.
        if later.revoked_at and later.revoked_at <= moment:
            then = replace(then, flaw=Flaw.revoked)
        return then, later

    async def standing(
        self, certificate: Certificate, others: Sequence[Certificate], moment: datetime, *, stamps: bool = False
    ) -> "Standing":
        """What was wrong at a moment with a certificate that signs, or that `stamps` the time, if anything."""
        uses = (set(), {STAMPING}) if stamps else ({"non_repudiation"}, None)
        allowed = certificate.extended_key_usage_value
        if not stamps and allowed and allowed.native == [STAMPING]:
            return Standing(Flaw.untrusted, revocation_known=False)
        for rule in (CHECKED, UNCHECKED):
            context = self.context(others, moment, rule)
            validator = CertificateValidator(certificate, list(others), validation_context=context)
            try:
                await validator.async_validate_usage(*uses)  # type: ignore[no-untyped-call]
            except InsufficientRevinfoError:
                continue
            except RevokedError as error:
                return Standing(Flaw.revoked, revocation_known=True, revoked_at=error.revocation_dt)
            except (ExpiredError, NotYetValidError):
                return Standing(Flaw.expired, revocation_known=False)
            except (PathError, ValidationError):
                break
            return Standing(None, revocation_known=rule is CHECKED)
        return Standing(Flaw.untrusted, revocation_known=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a certificate stood at a moment."""

    flaw: Flaw | None
    """Untrusted, revoked or expired."""
    revocation_known: bool
    """Whether a fresh revocation list of its issuer was at hand."""
    revoked_at: datetime | None = None
