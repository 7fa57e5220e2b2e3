"""The dev identity provider: discovery, sign-in with PKCE and tokens, for one machine, on loopback, for trial only."""

from shared.embedded.identity.credentials import Credentials, dev_issuer, load_credentials
from shared.embedded.identity.personas import Persona
from shared.embedded.identity.provider import dev_identity

__all__ = ["Credentials", "Persona", "dev_identity", "dev_issuer", "load_credentials"]
