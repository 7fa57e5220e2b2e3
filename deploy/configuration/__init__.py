"""Every setting there is, for the deployments and their documentation."""

import inspect
from collections.abc import Iterator
from importlib import import_module

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.settings import SERVICES, PlatformSettings


def classes() -> list[type[BaseSettings]]:
    """The platform's settings, the gateway's, and each service's."""
    modules = [import_module(f"services.{name}.settings") for name in ("gateway", *SERVICES)]
    own = (
        found
        for module in modules
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, BaseSettings) and found.__module__ == module.__name__
    )
    return [PlatformSettings, *own]


def keys() -> Iterator[tuple[str, FieldInfo]]:
    """Every key as an environment variable, with its field. A secret file has the same name in lower case."""
    for settings in classes():
        prefix = settings.model_config.get("env_prefix", "")
        for name, field in settings.model_fields.items():
            if name != "platform":
                yield f"{prefix}{name}".upper(), field
