"""Signatures by keys of either kind that seals use."""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

Key = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class KeyPen:
    """A pen whose key is in memory."""

    chain: tuple[bytes, ...]
    key: Key

    async def sign(self, data: bytes) -> bytes:
        """As the port says."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, PKCS1v15(), SHA256())
        return self.key.sign(data, ECDSA(SHA256()))


def verifies(certificate: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature over the data is by the key of this certificate (DER)."""
    key = load_der_x509_certificate(certificate).public_key()
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, PKCS1v15(), SHA256())
        elif isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, data, ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True
