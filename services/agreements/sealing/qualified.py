"""Whether a certificate is a qualified one: it says so itself, and only its issuer can make it say so."""

from collections.abc import Collection

from asn1crypto.x509 import Certificate  # type: ignore[import-untyped]
from pyhanko.sign.ades.qualified_asn1 import get_qc_statements

COMPLIANT, DEVICE, TYPES = "0.4.0.1862.1.1", "0.4.0.1862.1.4", "0.4.0.1862.1.6"
"""Statements of ETSI EN 319 412-5 (4.2.1, 4.2.2, 4.2.3): qualified, its key in a qualified device, and for what."""
SIGNS = {"0.4.0.1862.1.6.1", "0.4.0.1862.1.6.2"}
"""For signatures, for seals: what is not for websites only."""


def is_qualified(certificate: Certificate, policies: Collection[str] = ()) -> bool:
    """Whether it states that it is qualified and its key in a qualified device, for signatures or seals.

    Of the `policies` (object identifiers) it must be issued under one; without any its statements are enough.
    """
    try:
        said = {each["statement_id"].dotted: each["statement_info"] for each in get_qc_statements(certificate)}
        types = {each.dotted for each in said[TYPES]} if TYPES in said else SIGNS
        under = {each["policy_identifier"].dotted for each in certificate.certificate_policies_value or ()}
    except (ValueError, TypeError):  # statements that cannot be read state nothing
        return False
    return {COMPLIANT, DEVICE} <= said.keys() and bool(types & SIGNS) and (not policies or bool(under & {*policies}))
