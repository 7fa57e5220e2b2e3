"""`mithaq config`: every setting, its value in force, where it comes from."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from cli.installation import platform_settings
from cli.output import Form as Plain
from cli.output import show

app = typer.Typer(help="The settings in force.", no_args_is_help=True)


class Form(StrEnum):
    """How settings are printed: env is ready for a file of variables."""

    table = "table"
    json = "json"
    env = "env"


@app.callback()
def nouns() -> None:
    """The settings in force."""


@app.command(name="show")
def show_settings(
    output: Annotated[Form, typer.Option("-o", "--output", help="How settings are printed.")] = Form.table,
) -> None:
    """Every key with its value, whether it is set or the default, and what it is for. Secrets stay hidden."""
    from services.__main__ import all_services
    from services.gateway.settings import GatewaySettings

    platform = platform_settings()
    nowhere = platform.model_copy(update={"database_url": platform.database_url or SecretStr("postgresql://nowhere")})
    rows = _rows(platform) + _rows(GatewaySettings())
    for service in all_services(nowhere):
        rows += _rows(service.settings)
    if output is Form.env:
        for row in rows:
            print(f"# {row['purpose']}\n{'' if row['set'] else '# '}{row['key']}={row['value']}")
        return
    show(rows, Plain(output.value))


def _rows(settings: BaseSettings) -> list[dict[str, Any]]:
    prefix = settings.model_config.get("env_prefix", "")
    return [
        {
            "key": f"{prefix}{name}".upper(),
            "value": _value(getattr(settings, name)),
            "set": name in settings.model_fields_set,
            "purpose": field.description or "",
        }
        for name, field in type(settings).model_fields.items()
        if name != "platform"
    ]


def _value(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, default=str) if isinstance(value, tuple) else str(value)
