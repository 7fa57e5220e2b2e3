"""The reporting service: what the events of all services add up to. It owns no fact of the field."""
