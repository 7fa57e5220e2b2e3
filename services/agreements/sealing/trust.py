"""Which certificates count: those that lead to a root of ours, on the day that is asked about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    FreshnessReqType,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

CHECKED, UNCHECKED = RevocationCheckingRule.CRL_REQUIRED, RevocationCheckingRule.NO_CHECK
IF_THERE = RevocationCheckingRule.CHECK_IF_DECLARED_SOFT
Rules = tuple[RevocationCheckingRule, RevocationCheckingRule]
"""How it is found out whether a certificate was revoked, and whether the authorities above it were."""
NAMED_IN: tuple[Rules, ...] = ((CHECKED, CHECKED), (CHECKED, UNCHECKED), (UNCHECKED, CHECKED))
"""Looked for in any list, whichever are there: whom one names stays revoked, however old the list has become."""
ANY_AGE = timedelta(days=36_500)
STAMPING = "time_stamping"
"""The one use of a certificate that stamps the time (RFC 3161, 2.3)."""
FOREIGN = frozenset({STAMPING, "server_auth", "code_signing", "ocsp_signing"})
"""Extended uses (RFC 5280, 4.2.1.12) that let nobody sign a document if there is no other beside them."""


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
    not_theirs = "not_theirs"
    """Its certificate is another organisation's than the party's, or its key sealed for another party too."""
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
        self,
        others: Sequence[Certificate],
        moment: datetime,
        rules: Rules = (UNCHECKED, IF_THERE),
        *,
        any_age: bool = False,
    ) -> ValidationContext:
        """How things stood at a moment, as is known today; by lists of `any_age`, or by fresh ones only."""
        policy = RevocationCheckingPolicy(*rules)
        lenient = CertRevTrustPolicy(policy, ANY_AGE, FreshnessReqType.MAX_DIFF_REVOCATION_VALIDATION)
        return ValidationContext(
            trust_roots=[Certificate.load(root) for root in self.roots],
            other_certs=list(others),
            crls=list(self.lists),
            moment=moment,
            allow_fetching=False,
            retroactive_revinfo=True,
            revinfo_policy=lenient if any_age else CertRevTrustPolicy(policy),
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
        allowed = certificate.extended_key_usage_value
        if not stamps and allowed and FOREIGN.issuperset(allowed.native):
            return Standing(Flaw.untrusted, revocation_known=False)
        uses = (set(), {STAMPING}) if stamps else ({"non_repudiation"}, None)

        async def hold(context: ValidationContext) -> None:
            validator = CertificateValidator(certificate, list(others), validation_context=context)
            await validator.async_validate_usage(*uses)  # type: ignore[no-untyped-call]

        for rules in NAMED_IN if self.lists else ():
            try:
                await hold(self.context(others, moment, rules, any_age=True))
            except RevokedError as error:
                return Standing(Flaw.revoked, revocation_known=True, revoked_at=error.revocation_dt)
            except (PathError, ValidationError):
                continue
        for rule in (CHECKED, UNCHECKED):
            try:
                await hold(self.context(others, moment, (rule, IF_THERE)))
            except InsufficientRevinfoError:
                continue
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
