"""Money: integer centimes, and a decimal string in JSON."""

import re
from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

AMOUNT = r"(?:0|[1-9][0-9]{0,12})\.[0-9]{2}"
"""Two decimals always, no sign: who owes it to whom is said beside it."""


class Money(BaseModel):
    """An amount of money; in JSON `{"amount": "125000.00", "currency": "MAD"}`, never a float."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centimes: int = Field(ge=0)
    currency: Literal["MAD"] = "MAD"

    @classmethod
    def total(cls, amounts: Iterable[Self]) -> Self:
        """The sum of the amounts."""
        return cls(centimes=sum(each.centimes for each in amounts))

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "amount" not in data:
            return data
        amount = data["amount"]
        if not isinstance(amount, str) or not re.fullmatch(AMOUNT, amount):
            raise ValueError("an amount is a string with two decimals")
        return {name: value for name, value in data.items() if name != "amount"} | {
            "centimes": int(amount.replace(".", ""))
        }

    @model_serializer
    def _write(self) -> dict[str, str]:
        return {"amount": str(self), "currency": self.currency}

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The same schema in requests, answers and events."""
        return {
            "type": "object",
            "title": cls.__name__,
            "description": cls.__doc__,
            "properties": {
                "amount": {"type": "string", "pattern": f"^{AMOUNT}$", "examples": ["125000.00"]},
                "currency": {"type": "string", "const": "MAD", "default": "MAD"},
            },
            "required": ["amount"],
            "additionalProperties": False,
        }

    def __str__(self) -> str:
        return f"{self.centimes // 100}.{self.centimes % 100:02}"
