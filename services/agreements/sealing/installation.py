"""Who seals in this installation, and which seals it trusts."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from cryptography.hazmat.primitives.serialization import Encoding

from services.agreements.sealing.authority import TrialAuthority
from services.agreements.sealing.holder import Holders
from services.agreements.sealing.pkcs12 import Pkcs12
from services.agreements.sealing.port import Provider
from services.agreements.sealing.trust import Trust
from services.agreements.settings import AgreementsSettings

AUTHORITY_FILE = "seal-authority.pem"
"""The trial authority's key and certificate, in the data directory."""


class Sealing:
    """The provider and the trust of an installation, as its settings say."""

    def __init__(self, settings: AgreementsSettings) -> None:
        production = settings.platform.profile == "production"
        chosen = settings.seal or ("none" if production else "trial")
        if production and chosen == "trial":
            raise ValueError("MITHAQ_AGREEMENTS_SEAL=trial makes specimens, which production refuses")
        if chosen not in ("none", "trial") and settings.seal_roots is None:
            raise ValueError(f"MITHAQ_AGREEMENTS_SEAL={chosen} needs MITHAQ_AGREEMENTS_SEAL_ROOTS")
        if settings.seal_timestamp_url and settings.seal_roots is None:
            raise ValueError("MITHAQ_AGREEMENTS_SEAL_TIMESTAMP_URL needs MITHAQ_AGREEMENTS_SEAL_ROOTS")
        self.provider = _provider(chosen, settings)
        self.timestamps = str(settings.seal_timestamp_url) if settings.seal_timestamp_url else None
        """The address of the authority that stamps the time of every seal; None if none does."""
        self.holders: Holders = settings.seal_holders
        self._roots = settings.seal_roots
        self._policies = settings.seal_qualified_policies

    @property
    def told(self) -> str:
        """Who seals here, in a line for the operator."""
        if self.provider is None:
            return "none: advanced and qualified signatures are refused"
        specimens = ", specimens only" if isinstance(self.provider, TrialAuthority) else ""
        timed = ", the time stamped" if self.timestamps else ""
        return f"{self.provider.name}: {', '.join(sorted(self.provider.levels))}{specimens}{timed}"

    @property
    def trust(self) -> Trust:
        """The configured roots, read anew each time since revocation lists change, and what the trial authority has."""
        trust = replace(Trust.read(self._roots) if self._roots else Trust(()), policies=self._policies)
        if isinstance(self.provider, TrialAuthority):
            own = self.provider.certificate.public_bytes(Encoding.DER)
            return replace(trust, roots=(*trust.roots, own), lists=(*trust.lists, self.provider.revocations))
        return trust


_installed: list[Sealing] = []


def configure(settings: AgreementsSettings) -> None:
    """Seal as these settings say from now on. ValueError for what cannot be, the trial authority in production."""
    _installed[:] = [Sealing(settings)]


def sealing() -> Sealing:
    """This installation's."""
    if not _installed:
        raise RuntimeError("sealing.configure() has not said who seals")
    return _installed[0]


def _provider(chosen: str, settings: AgreementsSettings) -> Provider | None:
    if chosen == "none":
        return None
    if chosen == "trial":
        return TrialAuthority(settings.platform.data_dir / AUTHORITY_FILE)
    if chosen == "pkcs12":
        if settings.seal_pkcs12 is None:
            raise ValueError("MITHAQ_AGREEMENTS_SEAL=pkcs12 needs MITHAQ_AGREEMENTS_SEAL_PKCS12")
        passphrase = settings.seal_passphrase.get_secret_value() if settings.seal_passphrase else None
        return Pkcs12(settings.seal_pkcs12, passphrase, highest=settings.seal_level)
    module, _, factory = chosen.partition(":")
    try:
        make: Callable[[AgreementsSettings], Provider] = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"MITHAQ_AGREEMENTS_SEAL={chosen} is no provider: {error}") from None
    return make(settings)
