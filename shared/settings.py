"""Settings: every key has a comment and a default that works on one machine."""

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

SERVICES = ("network", "agreements", "centers", "notifications", "reporting")
SECRETS = Path("/run/secrets")
"""Where containers mount secret files, one per key, named like the environment variable in lower case."""


def settings_config(prefix: str) -> SettingsConfigDict:
    """The configuration of a settings class: one prefix, environment first, then secret files; empty is not set."""
    return SettingsConfigDict(
        env_prefix=prefix,
        env_ignore_empty=True,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        extra="ignore",
        frozen=True,
    )


class Settings(BaseSettings):
    """Settings that are read from the environment. ValueError names the wrong variables, and never shows a value."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            prefix = self.model_config.get("env_prefix", "")
            wrong = [
                ": ".join([*(f"{prefix}{name}".upper() for name in each["loc"][:1]), each["msg"]])
                for each in error.errors()
            ]
            raise ValueError(f"the settings are not valid: {'; '.join(wrong)}") from None
        except SettingsError as error:
            raise ValueError(f"the settings are not valid: {error}; lists are written as JSON") from None


class PlatformSettings(Settings):
    """What all services of one installation share."""

    model_config = settings_config("MITHAQ_")

    profile: Literal["dev", "production"] = Field(
        "dev", description="dev allows the dev identity provider and plain HTTP"
    )
    data_dir: Path = Field(Path(".mithaq"), description="where the embedded default keeps its data")
    host: str = Field("127.0.0.1", description="address to listen on; the embedded default accepts loopback only")
    port: int = Field(8000, description="port of the front door")
    public_url: str | None = Field(
        None,
        description="address of the front door as everybody reaches it, printed in QR codes; empty is host and port",
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL server without a database name; empty starts the embedded server"
    )
    broker: Literal["embedded", "kafka"] = Field("embedded", description="who carries the events")
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma separated")
    kafka_security: Literal["PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "SSL"] = Field(
        "PLAINTEXT", description="how to talk to Kafka"
    )
    kafka_username: str | None = Field(None, description="SCRAM-SHA-512 user of this service")
    kafka_password: SecretStr | None = Field(None, description="its password")
    kafka_ca: Path | None = Field(None, description="certificates of its authority (PEM); empty trusts the system's")
    kafka_replication: int = Field(1, description="replication factor of topics this installation creates")
    kafka_session_timeout: float = Field(10.0, description="seconds until a silent group member is expelled")
    oidc_issuer: str | None = Field(None, description="issuer of access tokens; empty uses the dev identity provider")
    oidc_jwks_url: str | None = Field(
        None, description="where its keys are; empty asks the issuer's discovery document"
    )
    oidc_audience: str = Field("mithaq", description="the audience access tokens must name")
    files: str | None = Field(
        None,
        description="where documents are kept: a directory or s3://bucket/prefix; empty is in the data directory",
    )
    s3_endpoint: str | None = Field(None, description="address of an S3-compatible storage; empty is AWS")
    s3_region: str | None = Field(None, description="its region")
    s3_access_key_id: SecretStr | None = Field(None, description="who signs in there")
    s3_secret_access_key: SecretStr | None = Field(None, description="with which key")
    relay_lease: float = Field(
        10.0, description="seconds a relay or schedule leader holds its lease without renewing it"
    )

    @property
    def public_address(self) -> str:
        """Where everybody reaches the front door, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def files_location(self) -> str:
        """Where documents are kept."""
        return self.files or str(self.data_dir / "files")

    @property
    def s3(self) -> dict[str, str]:
        """What is set of an S3-compatible storage, by its name without the prefix."""
        secrets = {"access_key_id": self.s3_access_key_id, "secret_access_key": self.s3_secret_access_key}
        named = {"endpoint": self.s3_endpoint, "region": self.s3_region}
        named |= {name: secret.get_secret_value() for name, secret in secrets.items() if secret}
        return {name: value for name, value in named.items() if value}


class ServiceSettings(Settings):
    """What every service has; a service adds its own keys under its own prefix."""

    platform: PlatformSettings = Field(default_factory=PlatformSettings, description="shared by all services")
    database_url: SecretStr | None = Field(
        None, description="this service's database; empty derives it from MITHAQ_DATABASE_URL"
    )
    pool_size: int = Field(8, description="most connections of the service's pool")
    background_pool_size: int = Field(4, description="most connections of its reactions, schedule and workers")
    port: int | None = Field(None, description="port of this service's own process; empty takes MITHAQ_PORT")

    def database_for(self, service: str) -> str:
        """The URL of a service's database. ValueError if neither URL is set."""
        if self.database_url:
            return self.database_url.get_secret_value()
        if self.platform.database_url:
            return database_on(self.platform.database_url.get_secret_value(), service)
        raise ValueError(
            f"no database: set MITHAQ_DATABASE_URL or MITHAQ_{service.upper()}_DATABASE_URL, or start with `mithaq up`"
        )

    def on(self, platform: PlatformSettings) -> Self:
        """The same service settings on another platform."""
        return self.model_copy(update={"platform": platform})


def database_on(server_url: str, service: str) -> str:
    """The URL of a service's database on a server: `mithaq_<service>`.

    A path in the server's URL names another installation on the same server: `/trial` gives `trial_<service>`.
    """
    parts = urlsplit(server_url)
    installation = parts.path.strip("/")
    if installation in {"", "postgres"}:
        installation = "mithaq"
    return urlunsplit(parts._replace(path=f"/{installation}_{service}"))
