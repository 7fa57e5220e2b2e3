"""The published language: one module per publishing service, and the catalog of all."""
