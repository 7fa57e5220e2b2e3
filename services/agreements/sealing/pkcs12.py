"""Certificates and keys in PKCS#12 files (RFC 7292)."""

import asyncio
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from services.agreements.errors.sealing import NoCertificate
from services.agreements.sealing.keys import Key, KeyPen
from services.agreements.sealing.port import SEALED, Signatory
from shared.events.agreements import SignatureLevel


class Pkcs12:
    """One file with which the installation seals for every party, or a directory with one for each organisation.

    In a directory an organisation's file is `<its id>.p12`. A file is read anew for each seal, so that a renewed
    certificate counts at once.
    """

    name = "pkcs12"

    def __init__(self, place: Path, passphrase: str | None, *, highest: SignatureLevel) -> None:
        self.place = place
        self.levels = SEALED if highest == "qualified" else SEALED - {"qualified"}
        self._passphrase = passphrase.encode() if passphrase else None

    async def pen_for(self, signatory: Signatory) -> KeyPen:
        """Out of the organisation's file. Refuses NoCertificate; ValueError for a wrong passphrase or another key."""
        organisation = signatory.organisation_id
        file = self.place / f"{organisation}.p12" if self.place.is_dir() else self.place
        if not file.exists():
            raise NoCertificate(organisation=organisation)
        return await asyncio.to_thread(self._read, file)

    def _read(self, file: Path) -> KeyPen:
        key, certificate, others = load_key_and_certificates(file.read_bytes(), self._passphrase)
        if not isinstance(key, Key) or certificate is None:
            raise ValueError(f"{file.name} has no RSA or elliptic curve key with its certificate")
        return KeyPen(tuple(each.public_bytes(Encoding.DER) for each in (certificate, *others)), key)
