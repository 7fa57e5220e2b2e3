"""`mithaq generate`: the files that are written from code, so that they never say something else."""

import importlib.util
import subprocess
import sys
from typing import Annotated

import typer

from cli.output import Exit, Failed, say

GENERATORS = (
    "shared.events.generate",
    "services.notifications.generate",
    "services.gateway.generate",
    "deploy.gateway.generate",
    "deploy.configuration.generate",
)
"""Modules that write what they generate, and with --check only say whether it is up to date. In this order."""


def generate(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is out of date.")] = False,
) -> None:
    """Write the generated files: event contracts, API contracts, routes. For developers, in a checkout."""
    late = []
    for module in GENERATORS:
        if importlib.util.find_spec(module) is None:
            raise Failed(f"{module} is not here: this works in a checkout only.", run="git status")
        say(f"{'checking' if check else 'writing'} {module.removesuffix('.generate')}")
        # A process each: what one imports must not change what another finds.
        if subprocess.run([sys.executable, "-m", module, *(["--check"] if check else [])], check=False).returncode:
            late.append(module)
    if late:
        raise Failed(f"Out of date or broken: {', '.join(late)}.", run="make generate", code=Exit.failed)
