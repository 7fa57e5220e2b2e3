"""Who issues papers: the address their codes lead to, and whether they are specimens."""

from pydantic import BaseModel, ConfigDict

from shared.settings import PlatformSettings


class Issuer(BaseModel):
    """The installation, as its papers show it."""

    model_config = ConfigDict(frozen=True)

    address: str
    """Of the front door, without a slash at its end."""
    trial: bool
    """Whether papers are marked as specimens."""


_issuers: list[Issuer] = []


def configure(platform: PlatformSettings) -> None:
    """Issue papers for this installation from now on.

    ValueError in production without an https address: the codes on papers could not be changed afterwards.
    """
    production = platform.profile == "production"
    if production and not platform.public_address.startswith("https://"):
        raise ValueError("MITHAQ_PUBLIC_URL must be an https:// address in production: QR codes carry it")
    _issuers[:] = [Issuer(address=platform.public_address, trial=not production)]


def issuer() -> Issuer:
    """This installation."""
    if not _issuers:
        raise RuntimeError("papers.issuer.configure() has not said who issues papers")
    return _issuers[0]
