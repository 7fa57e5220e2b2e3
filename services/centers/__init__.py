"""The centers service: where learners are taught, and how many seats there are."""
