"""What stands in for the platform when nothing is installed: PostgreSQL from a wheel, a dev identity provider."""
