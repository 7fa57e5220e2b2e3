"""What the first start makes at random and keeps to itself: the installation's id, its key and its secrets."""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from joserfc.jwk import RSAKey
from pydantic import BaseModel

from shared.embedded.identity.personas import Persona, first_personas
from shared.settings import PlatformSettings

FILE = "credentials.json"
REFUSAL = (
    "the dev identity provider exists only with MITHAQ_PROFILE=dev on a loopback address ({reason}); to use your own"
    " provider set MITHAQ_OIDC_ISSUER, MITHAQ_OIDC_AUDIENCE and, without a discovery document, MITHAQ_OIDC_JWKS_URL"
)


class Credentials(BaseModel):
    """The secrets of one installation, kept in `credentials.json` for its owner's eyes only (mode 0600)."""

    installation: str
    admin_secret: str
    """Adds personas and makes sign-in links; also the password of the sign-in page."""
    signing_key: dict[str, Any]
    """An RSA key as JWK."""
    personas: dict[str, Persona]
    secrets: dict[str, str]
    """Persona id -> its client secret."""

    @classmethod
    def fresh(cls) -> Self:
        """New random credentials with the first personas."""
        key = RSAKey.generate_key(2048, parameters={"kid": secrets.token_hex(8), "use": "sig", "alg": "RS256"})
        personas = {persona.id: persona for persona in first_personas()}
        return cls(
            installation=uuid4().hex[:12],
            admin_secret=secrets.token_urlsafe(32),
            signing_key=dict(key.as_dict(private=True)),
            personas=personas,
            secrets={id: secrets.token_urlsafe(24) for id in personas},
        )

    def add(self, persona: Persona) -> str:
        """Add or replace a persona; its client secret stays the same."""
        self.personas[persona.id] = persona
        return self.secrets.setdefault(persona.id, secrets.token_urlsafe(24))

    def save(self, data_dir: Path, *, replace: bool = True) -> bool:
        """Write the file whole or not at all; without `replace` only if there is none yet. Whether it was written."""
        data_dir.mkdir(parents=True, exist_ok=True)
        draft = data_dir / f"{FILE}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.model_dump_json(indent=1))
        try:
            if replace:
                draft.replace(data_dir / FILE)
            else:
                os.link(draft, data_dir / FILE)
        except FileExistsError:
            return False
        finally:
            draft.unlink(missing_ok=True)
        return True


def load_credentials(data_dir: Path) -> Credentials:
    """The installation's credentials; the first call makes them, also when several processes call at once."""
    path = data_dir / FILE
    if not path.exists():
        Credentials.fresh().save(data_dir, replace=False)
    return Credentials.model_validate_json(path.read_bytes())


def dev_issuer(platform: PlatformSettings) -> str:
    """The issuer of the dev identity provider. ValueError, naming what to set instead, unless dev and on loopback."""
    if platform.profile != "dev":
        raise ValueError(REFUSAL.format(reason=f"MITHAQ_PROFILE is {platform.profile}"))
    require_loopback(platform.host)
    host = f"[{platform.host}]" if ":" in platform.host else platform.host
    return f"http://{host}:{platform.port}/identity/{load_credentials(platform.data_dir).installation}"


def require_loopback(host: str | None) -> None:
    """ValueError unless the host is this machine only."""
    if not is_loopback(host):
        raise ValueError(REFUSAL.format(reason=f"the host is {host}"))


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def host_of(url: str) -> str | None:
    """The host of a URL, or None if it has none or is no URL."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
