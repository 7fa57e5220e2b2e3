"""TLS: what kept it from being agreed with a receiver, as a code of `reasons`."""

import ssl

from services.notifications.outcome import Code

OF_CERTIFICATE: dict[int, Code] = {
    2: "tls_authority",
    9: "tls_not_yet",
    10: "tls_expired",
    18: "tls_self_signed",
    19: "tls_authority",
    20: "tls_authority",
    21: "tls_authority",
    62: "tls_other_name",
    64: "tls_other_address",
}
"""By OpenSSL's codes (X509_V_ERR_…)."""
NO_VERSION: Code = "tls_version"
NO_TLS: Code = "tls_not_spoken"
BROKEN_OFF: Code = "tls_broken_off"
OURS_REFUSED: Code = "tls_ours_refused"
OURS_MISSING: Code = "tls_ours_missing"
NOT_AGREED: Code = "tls_not_agreed"
OF_PROTOCOL: dict[str, Code] = {
    "UNSUPPORTED_PROTOCOL": NO_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": NO_VERSION,
    "WRONG_VERSION_NUMBER": NO_TLS,
    "HTTP_REQUEST": NO_TLS,
    "RECORD_LAYER_FAILURE": NO_TLS,
    "UNEXPECTED_EOF_WHILE_READING": BROKEN_OFF,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": NOT_AGREED,
    "SSLV3_ALERT_BAD_CERTIFICATE": OURS_REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": OURS_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": OURS_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": OURS_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": OURS_REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": OURS_REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": OURS_REFUSED,
    "TLSV1_ALERT_DECRYPT_ERROR": OURS_REFUSED,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": OURS_MISSING,
}
"""By the names that OpenSSL gives to its errors and to the alerts of the other side (RFC 8446, 6.2)."""


def chain_of(error: BaseException) -> list[BaseException]:
    """An error, what caused it, and so on."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return chain


def why_no_tls(error: BaseException) -> Code | None:
    """Why TLS came to nothing; None if that is not what the error, or what caused it, says."""
    # Libraries wrap it, and a receiver that asks for our certificate refuses it when we have sent already (TLS 1.3).
    found = next((each for each in reversed(chain_of(error)) if isinstance(each, ssl.SSLError)), None)
    if found is None:
        return None
    code, name = getattr(found, "verify_code", None), getattr(found, "reason", None)
    return OF_CERTIFICATE.get(code or 0) or OF_PROTOCOL.get(name or "") or "tls_failed"
