"""What a certificate states of itself, as only its issuer can make it: whether it is a qualified one, and for what."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko.sign.ades.qualified_asn1 import get_qc_statements

COMPLIANT, DEVICE, TYPES = "0.4.0.1862.1.1", "0.4.0.1862.1.4", "0.4.0.1862.1.6"
"""Statements of ETSI EN 319 412-5 (4.2.1, 4.2.2, 4.2.3): qualified, its key in a qualified device, and for what."""
SIGNATURE, SEAL = "0.4.0.1862.1.6.1", "0.4.0.1862.1.6.2"
"""For signatures, which people give; for seals, which organisations put."""


def is_qualified(certificate: Certificate, policies: Collection[str] = ()) -> bool:
    """Whether it states that it is qualified and its key in a qualified device, for signatures or seals.

    Of the `policies` (object identifiers) it must be issued under one; without any its statements are enough.
    """
    try:
        said = _statements(certificate)
        types = _types(said) if TYPES in said else {SIGNATURE}
        under = {each["policy_identifier"].dotted for each in certificate.certificate_policies_value or ()}
    except (ValueError, TypeError):  # statements that cannot be read state nothing
        return False
    signs = bool(types & {SIGNATURE, SEAL})
    return {COMPLIANT, DEVICE} <= said.keys() and signs and (not policies or bool(under & {*policies}))


def purpose_of(certificate: Certificate) -> Literal["signature", "seal"] | None:
    """What it states that it is for, a signature if both; None if it states neither, or nothing that can be read."""
    try:
        types = _types(_statements(certificate))
    except (ValueError, TypeError):
        return None
    if SIGNATURE in types:
        return "signature"
    return "seal" if SEAL in types else None


def _statements(certificate: Certificate) -> Mapping[str, Any]:
    return {each["statement_id"].dotted: each["statement_info"] for each in get_qc_statements(certificate)}


def _types(said: Mapping[str, Any]) -> set[str]:
    return {each.dotted for each in said.get(TYPES, ())}
