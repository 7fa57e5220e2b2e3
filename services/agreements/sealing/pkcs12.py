"""Certificates and keys in PKCS#12 files (RFC 7292)."""

import asyncio
import re
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from services.agreements.errors.sealing import NoCertificate
from services.agreements.sealing.keys import Key, KeyPen
from services.agreements.sealing.port import SEALED, Signatory
from shared.events.agreements import SignatureLevel

NAMED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.p12")


class Pkcs12:
    """A directory with one file for each organisation, or the file of a single one, which seals for no other.

    An organisation's file is called `<its id>.p12`: so the installation says whose certificate is in it. A file is read
    anew for each seal, so that a renewed certificate counts at once.
    """

    name = "pkcs12"

    def __init__(self, place: Path, passphrase: str | None, *, highest: SignatureLevel) -> None:
        if not place.is_dir() and not NAMED.fullmatch(place.name):
            raise ValueError(f"{place} is no directory, and is not called <organisation id>.p12")
        self.place = place
        self.levels = SEALED if highest == "qualified" else SEALED - {"qualified"}
        self._passphrase = passphrase.encode() if passphrase else None

    async def pen_for(self, signatory: Signatory) -> KeyPen:
        """Out of the organisation's file. Refuses NoCertificate; ValueError for a wrong passphrase or another key."""
        organisation = signatory.organisation_id
        name = f"{organisation}.p12"
        file = self.place / name if self.place.is_dir() else self.place
        if file.name != name or not file.exists():
            raise NoCertificate(organisation=organisation)
        return await asyncio.to_thread(self._read, file)

    def _read(self, file: Path) -> KeyPen:
        key, certificate, others = load_key_and_certificates(file.read_bytes(), self._passphrase)
        if not isinstance(key, Key) or certificate is None:
            raise ValueError(f"{file.name} has no RSA or elliptic curve key with its certificate")
        return KeyPen(tuple(each.public_bytes(Encoding.DER) for each in (certificate, *others)), key)
