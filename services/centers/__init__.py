"""The centers service: where learners are taught, how many seats there are, and how many are taken."""
