"""Run the centers service: python -m services.centers [--only …]."""

from services.centers.app import service
from services.centers.settings import CentersSettings
from shared.hosting import main

main(lambda: service(CentersSettings()))
