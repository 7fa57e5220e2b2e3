"""Figures, each a ratio against the fastest honest raw limit measured in the same run."""
