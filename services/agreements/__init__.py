"""Agreements: their life from draft to end, the ceremonies where they are signed."""
