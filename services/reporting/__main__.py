"""Run the reporting service: python -m services.reporting [--only …]."""

from services.reporting.app import service
from services.reporting.settings import ReportingSettings
from shared.hosting import main

main(lambda: service(ReportingSettings()))
