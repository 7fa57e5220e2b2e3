"""Settings of the embedded front door; nginx has the same in deploy/gateway."""

from pydantic import Field

from shared.settings import Settings, settings_config


class GatewaySettings(Settings):
    """What the front door allows one client."""

    model_config = settings_config("MITHAQ_GATEWAY_")

    rate: str = Field(
        "1000 per 5 second", description="requests that one client address may make, in a window that slides"
    )
