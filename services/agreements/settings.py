"""The agreements service's settings: `MITHAQ_AGREEMENTS_…`."""

from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import Field, HttpUrl, SecretStr

from services.agreements.parameters import Parameters
from shared.settings import ServiceSettings, settings_config


class AgreementsSettings(ServiceSettings, Parameters):
    """What every service has, what our rules go by, and who seals."""

    model_config = settings_config("MITHAQ_AGREEMENTS_")

    seal: str | None = Field(
        None,
        description="who seals advanced and qualified signatures: trial, pkcs12, none, or module:factory of a provider."
        " Empty is trial (a certificate authority of this installation, specimens only) in dev, none in production",
    )
    seal_pkcs12: Path | None = Field(
        None,
        description="directory with a PKCS#12 file `<organisation id>.p12` for each organisation that seals, or the one"
        " file of a single one; nobody seals with another's",
    )
    seal_holders: dict[UUID, tuple[str, ...]] = Field(
        {},
        description="JSON: organisation id -> list of what its certificates call it, its organizationIdentifier or its"
        " O. The certificate of an organisation that is listed must say one of these, and that of another must not."
        " What an earlier certificate called it stays in the list: what was sealed with that is verified by it",
    )
    seal_passphrase: SecretStr | None = Field(None, description="opens these files")
    seal_level: Literal["advanced", "qualified"] = Field(
        "advanced",
        description="the highest level that these certificates are good for; a qualified one has to state that it is",
    )
    seal_qualified_policies: tuple[str, ...] = Field(
        (),
        description="object identifiers of the policies of which a qualified certificate must have one (those of"
        " providers accredited under law 43-20); empty takes its statements (ETSI EN 319 412-5) for enough",
    )
    seal_roots: Path | None = Field(
        None,
        description="root certificates that seals must lead to, with revocation lists, in one PEM file. A list of at"
        " most 64 KiB goes into each file that is sealed",
    )
    seal_timestamp_url: HttpUrl | None = Field(
        None,
        description="address of an authority that stamps the time of every seal (RFC 3161); its root is among those."
        " Nothing is sealed while it does not answer. Empty leaves seals with their own time, which the journal proves",
    )
