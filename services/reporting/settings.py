"""The reporting service's settings."""

from shared.settings import ServiceSettings, settings_config


class ReportingSettings(ServiceSettings):
    """What every service has, under this service's prefix."""

    model_config = settings_config("MITHAQ_REPORTING_")
