"""Providers of seals: the trial authority, PKCS#12 files, a signer behind HTTP, and which an installation takes."""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from pyhanko.pdf_utils.reader import PdfFileReader

from services.agreements.bilingual import Bilingual
from services.agreements.errors.sealing import NoCertificate
from services.agreements.papers import render_agreement
from services.agreements.sealing import Pen, Sealing, Signatory, examine, verifies
from services.agreements.sealing.authority import TrialAuthority
from services.agreements.sealing.keys import KeyPen
from services.agreements.sealing.pkcs12 import Pkcs12
from services.agreements.settings import AgreementsSettings
from services.agreements.tests.builders import NAME
from services.agreements.tests.seals import AT, Hands, Root, add_seal, sealable, write_p12, write_roots
from shared.clock import now
from shared.ids import new_id
from shared.settings import PlatformSettings

SIGNATORY = Signatory(new_id(), NAME, "issuer#somebody", "advanced")
DATA = b"attributes (fictif)"


def settings(tmp_path: Path, profile: str = "dev", **named: Any) -> AgreementsSettings:
    """Settings of an installation in this directory."""
    platform = PlatformSettings.model_validate({"data_dir": tmp_path, "profile": profile})
    return AgreementsSettings.model_validate({"platform": platform, **named})


async def test_a_trial_authority_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "seal-authority.pem"
    with ThreadPoolExecutor() as together:
        made = list(together.map(lambda _: TrialAuthority(file).certificate, range(8)))
    assert len({each.serial_number for each in made}) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name], "nothing is left beside it"
    another = TrialAuthority(tmp_path / "another.pem").certificate
    assert another.public_key() != made[0].public_key() and another.subject != made[0].subject


async def test_a_trial_certificate_says_specimen_and_the_organisation(tmp_path: Path) -> None:
    authority = TrialAuthority(tmp_path / "authority.pem")
    pens = [await authority.pen_for(SIGNATORY) for _ in range(2)]
    read = x509.load_der_x509_certificate(pens[0].chain[0])
    named = read.subject.rfc4514_string()
    assert "CN=SPECIMEN Organisation (fictif)" in named and str(SIGNATORY.organisation_id) in named
    assert "somebody" not in named
    assert "SPECIMEN" in authority.certificate.subject.rfc4514_string()
    read.verify_directly_issued_by(authority.certificate)
    assert pens[0].chain[0] != pens[1].chain[0], "a key is used for one seal"
    assert verifies(pens[0].chain[0], await pens[0].sign(DATA), DATA)


def test_a_trial_authority_has_revoked_nobody_and_its_list_says_so(tmp_path: Path) -> None:
    installed = Sealing(settings(tmp_path))
    assert isinstance(installed.provider, TrialAuthority)
    pen, paper = asyncio.run(installed.provider.pen_for(SIGNATORY)), sealable()
    sealed = add_seal(render_agreement(paper, "both"), paper, 0, pen, trust=installed.trust, at=now())
    [seal] = examine(sealed, installed.trust, now())
    assert seal.flaws == () and seal.revocation_known


async def test_a_long_name_is_cut_where_a_certificate_ends(tmp_path: Path) -> None:
    authority = TrialAuthority(tmp_path / "authority.pem")
    long = Bilingual(ar="-", fr="Académie régionale d'éducation et de formation " * 3)
    pen = await authority.pen_for(replace(SIGNATORY, name=long))
    [name] = x509.load_der_x509_certificate(pen.chain[0]).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert isinstance(name.value, str) and name.value.startswith("SPECIMEN Académie régionale d'éducation")
    assert 60 <= len(name.value.encode()) <= 64


@pytest.mark.parametrize("kind", ["rsa", "elliptic curve"])
async def test_a_pkcs12_file_seals(tmp_path: Path, kind: str) -> None:
    root = Root()
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP384R1())
    file = write_p12(tmp_path / f"{SIGNATORY.organisation_id}.p12", root.issue(key=key))
    pen = await Pkcs12(file, "fictif", highest="qualified").pen_for(SIGNATORY)
    assert verifies(pen.chain[0], await pen.sign(DATA), DATA)
    assert not verifies(pen.chain[0], await pen.sign(DATA), DATA + b"!")
    paper = sealable()
    sealed = await asyncio.to_thread(_sealed_by, pen)
    assert sealed.startswith(render_agreement(paper, "both")[:100])
    signed = PdfFileReader(io.BytesIO(sealed)).embedded_signatures[0]
    assert signed.signer_cert.dump() == pen.chain[0]


def _sealed_by(pen: KeyPen) -> bytes:
    paper = sealable()
    return add_seal(render_agreement(paper, "both"), paper, 0, pen)


async def test_a_wrong_passphrase_or_another_kind_of_key_is_an_error(tmp_path: Path) -> None:
    file = write_p12(tmp_path / f"{SIGNATORY.organisation_id}.p12", Root().issue())
    with pytest.raises(ValueError, match=r"password|PKCS"):
        await Pkcs12(file, "wrong", highest="advanced").pen_for(SIGNATORY)
    odd: Any = ed25519.Ed25519PrivateKey.generate()
    write_p12(file, Root().issue(key=odd))
    with pytest.raises(ValueError, match="no RSA or elliptic curve key"):
        await Pkcs12(file, "fictif", highest="advanced").pen_for(SIGNATORY)


@pytest.mark.parametrize("kept", ["alone", "in a directory"])
async def test_a_file_seals_for_the_organisation_that_it_is_called_by_and_for_no_other(
    tmp_path: Path, kept: str
) -> None:
    file = write_p12(tmp_path / f"{SIGNATORY.organisation_id}.p12", Root().issue())
    provider = Pkcs12(file if kept == "alone" else tmp_path, "fictif", highest="qualified")
    pen = await provider.pen_for(SIGNATORY)
    assert verifies(pen.chain[0], await pen.sign(DATA), DATA)
    with pytest.raises(NoCertificate):
        await provider.pen_for(replace(SIGNATORY, organisation_id=new_id()))


def test_a_file_that_is_called_by_no_organisation_is_refused_at_the_start(tmp_path: Path) -> None:
    roots = write_roots(tmp_path / "roots.pem", Root().trust)
    file = write_p12(tmp_path / "seal.p12", Root().issue())
    with pytest.raises(ValueError, match="is not called <organisation id>"):
        Sealing(settings(tmp_path, "production", seal="pkcs12", seal_pkcs12=file, seal_roots=roots))


class Remote:
    """A provider whose keys lie behind HTTP: it sends a hash and gets a signature, as CSC API 2 has it."""

    name = "remote"
    levels = Hands.levels

    def __init__(self, address: str) -> None:
        self.address = address

    async def pen_for(self, signatory: Signatory) -> Pen:
        """Ask for the certificate of who signs."""
        told = await self._post("credentials/info", credentialID=signatory.person, certificates="chain")
        return RemotePen(tuple(base64.b64decode(each) for each in told["cert"]["certificates"]), self)

    async def _post(self, method: str, **body: Any) -> Any:
        async with aiohttp.ClientSession() as http, http.post(f"{self.address}/csc/v2/{method}", json=body) as answered:
            answered.raise_for_status()
            return await answered.json()


class RemotePen:
    """The pen in that hand."""

    def __init__(self, chain: tuple[bytes, ...], remote: Remote) -> None:
        self.chain = chain
        self.remote = remote

    async def sign(self, data: bytes) -> bytes:
        """Send the hash."""
        hash = base64.b64encode(hashlib.sha256(data).digest()).decode()
        told = await self.remote._post("signatures/signHash", hashes=[hash], hashAlgorithmOID="2.16.840.1.101.3.4.2.1")
        return base64.b64decode(told["signatures"][0])


@pytest.fixture
async def remote() -> AsyncIterator[str]:
    """The address of such a service."""
    key = ec.generate_private_key(ec.SECP256R1())
    pen = Root().issue(key=key)

    async def info(_: web.Request) -> web.Response:
        return web.json_response({"cert": {"certificates": [base64.b64encode(each).decode() for each in pen.chain]}})

    async def sign(request: web.Request) -> web.Response:
        [hash] = (await request.json())["hashes"]
        signature = key.sign(base64.b64decode(hash), ec.ECDSA(Prehashed(SHA256())))
        return web.json_response({"signatures": [base64.b64encode(signature).decode()]})

    app = web.Application()
    app.add_routes([web.post("/csc/v2/credentials/info", info), web.post("/csc/v2/signatures/signHash", sign)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_port_fits_a_signer_that_sees_a_hash_only(remote: str) -> None:
    pen = await Remote(remote).pen_for(SIGNATORY)
    assert verifies(pen.chain[0], await pen.sign(DATA), DATA)


def test_dev_takes_the_trial_authority_and_production_none(tmp_path: Path) -> None:
    assert isinstance(Sealing(settings(tmp_path)).provider, TrialAuthority)
    assert Sealing(settings(tmp_path)).told == "trial: advanced, specimens only"
    assert Sealing(settings(tmp_path, "production")).provider is None
    assert Sealing(settings(tmp_path, "production")).told == "none: advanced and qualified signatures are refused"
    assert list(tmp_path.iterdir()) == [], "it is made when it is first needed"


def test_production_refuses_the_trial_authority(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="production refuses"):
        Sealing(settings(tmp_path, "production", seal="trial"))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"seal": "pkcs12"}, "MITHAQ_AGREEMENTS_SEAL_ROOTS"),
        ({"seal": "pkcs12", "seal_roots": True}, "MITHAQ_AGREEMENTS_SEAL_PKCS12"),
        ({"seal": "no.such.module:factory", "seal_roots": True}, "no.such.module"),
        ({"seal": "nonsense", "seal_roots": True}, "is no provider"),
    ],
)
def test_half_a_configuration_is_refused_at_the_start(tmp_path: Path, named: dict[str, Any], told: str) -> None:
    roots = write_roots(tmp_path / "roots.pem", Root().trust)
    given = named | ({"seal_roots": roots} if named.get("seal_roots") else {})
    with pytest.raises(ValueError, match=told):
        Sealing(settings(tmp_path, "production", **given))


def test_a_setting_names_somebody_else_s_provider(tmp_path: Path) -> None:
    roots = write_roots(tmp_path / "roots.pem", Root().trust)
    named = "services.agreements.tests.seals:hands"
    assert isinstance(Sealing(settings(tmp_path, "production", seal=named, seal_roots=roots)).provider, Hands)


def test_roots_and_revocation_lists_are_read_from_one_file_each_time(tmp_path: Path) -> None:
    root = Root()
    pen = root.issue()
    file = write_roots(tmp_path / "roots.pem", root.trust)
    installed = Sealing(settings(tmp_path, "production", seal="services.agreements.tests.seals:hands", seal_roots=file))
    assert installed.trust == root.trust
    revoking = root.revoking(pen, AT)
    write_roots(file, revoking)
    assert installed.trust == revoking
    file.write_text("(fictif)")
    with pytest.raises(ValueError, match="no certificate"):
        installed.trust  # noqa: B018 - reads the file


def test_a_trial_installation_trusts_its_own_authority_and_the_roots_it_was_given(tmp_path: Path) -> None:
    root, paper = Root(), sealable()
    file = write_roots(tmp_path / "roots.pem", root.trust)
    trust = Sealing(settings(tmp_path, seal_roots=file)).trust
    assert len(trust.roots) == 2
    sealed = add_seal(render_agreement(paper, "both"), paper, 0, root.issue())
    assert [each.flaws for each in examine(sealed, trust, now())] == [()]


def test_a_passphrase_is_never_shown() -> None:
    shown = repr(AgreementsSettings(seal_passphrase=SecretStr("hidden")))
    assert "hidden" not in shown
