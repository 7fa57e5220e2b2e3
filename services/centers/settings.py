"""The centers service's settings."""

from shared.settings import ServiceSettings, settings_config


class CentersSettings(ServiceSettings):
    """What every service has, under this service's prefix."""

    model_config = settings_config("MITHAQ_CENTERS_")
