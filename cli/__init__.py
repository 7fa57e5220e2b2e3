"""The `mithaq` command: what operators and developers run."""
