"""Run the agreements service: python -m services.agreements [--only …]."""

from services.agreements.app import service
from services.agreements.settings import AgreementsSettings
from shared.hosting import main

main(lambda: service(AgreementsSettings()))
