"""TLS: what kept it from being agreed with a receiver, in words for whoever sees to it."""

import ssl

OF_CERTIFICATE = {
    2: "the authority of its certificate is not known",
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed",
    19: "the authority of its certificate is not known",
    20: "the authority of its certificate is not known",
    21: "the authority of its certificate is not known",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
"""By OpenSSL's codes (X509_V_ERR_…)."""
NO_VERSION = "it offers no version of TLS from 1.2 on"
NO_TLS = "it does not speak TLS there"
BROKEN_OFF = "it broke off without a word"
OURS_REFUSED = "it does not accept the certificate that we show"
OURS_MISSING = "it demands a certificate of us"
NOT_AGREED = "it agrees to nothing that we offer"
OF_PROTOCOL = {
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


def why_no_tls(error: BaseException) -> str | None:
    """Why TLS came to nothing; None if that is not what the error, or what caused it, says."""
    # Libraries wrap it, and a receiver that asks for our certificate refuses it when we have sent already (TLS 1.3).
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    found = next((each for each in reversed(causes) if isinstance(each, ssl.SSLError)), None)
    if found is None:
        return None
    code, name = getattr(found, "verify_code", None), getattr(found, "reason", None)
    said = OF_CERTIFICATE.get(code or 0) or OF_PROTOCOL.get(name or "")
    return f"TLS failed: {said}" if said else "TLS failed"
