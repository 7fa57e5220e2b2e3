"""`make demo`: the ceremony, end to end, on this machine."""

from cli.demo.play import demo

__all__ = ["demo"]
