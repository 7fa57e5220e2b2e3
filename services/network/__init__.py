"""The network service: who the associations and institutions are, and who may sign for them."""
