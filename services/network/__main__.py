"""Run the network service: python -m services.network [--only …]."""

from services.network.app import service
from services.network.settings import NetworkSettings
from shared.hosting import main

main(lambda: service(NetworkSettings()))
