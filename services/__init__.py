"""One folder per service. A service knows another only through shared.events."""
