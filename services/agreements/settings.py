"""The agreements service's settings."""

from shared.settings import ServiceSettings, settings_config


class AgreementsSettings(ServiceSettings):
    """What every service has, under this service's prefix."""

    model_config = settings_config("MITHAQ_AGREEMENTS_")
