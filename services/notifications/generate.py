"""Writes the requests on which receivers try their verification, docs/webhooks/vectors.json.

python -m services.notifications.generate [--check]
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.notifications.endpoint import Scheme
from services.notifications.keys import shown
from services.notifications.signing import Public, headers, signer

VECTORS = Path(__file__).parents[2] / "docs" / "webhooks" / "vectors.json"
SECRET, SUCCESSOR, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
"""Known to everybody: for trying only."""
ID = UUID("01923c5e-0000-7000-8000-000000000001")
AT = datetime(2024, 8, 30, 10, 0, tzinfo=UTC)
BODY = '{"type":"ma.mithaq.endpoint.tested.v1","data":{"academy":"MA-06"},"summary":"رسالة تجريبية"}\n'
"""With Arabic in it, and a line break at its end: what a careless reader of bodies loses."""


def vectors() -> list[dict[str, Any]]:
    """Requests by what is special about them, and whether they are genuine at `now`."""
    found = []
    for scheme in ("v1", "v1a"):
        plain, other = _signed(scheme, SECRET), _signed(scheme, OTHER)
        signature = plain["webhook-signature"].partition(",")[2]
        another = "v1a" if scheme == "v1" else "v1"
        cases: list[tuple[str, dict[str, str], str, int, bool]] = [
            ("as it is sent", plain, BODY, 0, True),
            ("while the secret is replaced", _signed(scheme, SUCCESSOR, SECRET), BODY, 0, True),
            ("five minutes late", plain, BODY, 300, True),
            ("later than five minutes", plain, BODY, 301, False),
            ("earlier than five minutes", plain, BODY, -301, False),
            ("without the line break at its end", plain, BODY.rstrip(), 0, False),
            ("for another academy", plain, BODY.replace("MA-06", "MA-05"), 0, False),
            ("under another id", plain | {"webhook-id": str(ID).replace("1923c", "1923d")}, BODY, 0, False),
            ("at another time", plain | {"webhook-timestamp": str(int(AT.timestamp()) + 1)}, BODY, 0, False),
            ("signed by somebody else", other, BODY, 0, False),
            ("signed under another scheme", plain | {"webhook-signature": f"{another},{signature}"}, BODY, 0, False),
            ("not signed", plain | {"webhook-signature": ""}, BODY, 0, False),
        ]
        found += [
            {
                "title": title,
                "scheme": scheme,
                "secret": shown(SECRET) if scheme == "v1" else Public(SECRET).public_key,
                "headers": sent,
                "body": body,
                "now": int(AT.timestamp()) + late,
                "genuine": genuine,
            }
            for title, sent, body, late, genuine in cases
        ]
    return found


def _signed(scheme: Scheme, *secrets: bytes) -> dict[str, str]:
    return headers(ID, AT, BODY.encode(), [signer(scheme, each) for each in secrets])


def main() -> None:
    """Write the vectors, or with --check fail when they are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if they are not up to date")
    written = json.dumps({"vectors": vectors()}, ensure_ascii=False, indent=2) + "\n"
    if not parser.parse_args().check:
        VECTORS.write_text(written, "utf-8")
    elif not VECTORS.exists() or VECTORS.read_text("utf-8") != written:
        sys.exit("docs/webhooks/vectors.json is not up to date: run `make generate`")


if __name__ == "__main__":
    main()
