"""The front door: one address for every service, and the pages that explain them."""
