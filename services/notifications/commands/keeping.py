"""Keeping secrets: made, sealed under the installation's key, and sealed anew when that key is replaced."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, text

from services.notifications.endpoint import Endpoint, Scheme, SigningKey
from services.notifications.errors import KeyMissing
from services.notifications.keys import KeyRing, Sealed, new_secret, shown
from services.notifications.permissions import PERMISSIONS
from services.notifications.signing import Public
from services.notifications.tables import SecretRow
from shared.actor import NATIONAL, Actor
from shared.database import Database, Transaction, Work
from shared.ids import new_id

PAGE = 100
UNDER_ANOTHER_KEY = text("""
    select key_id, kek_id, wrapped_key, ciphertext from endpoint_secret
    where kek_id <> :current order by key_id limit :page for update skip locked
""")
# An endpoint that was changed just now may still be read as it was before: its secrets are asked for a moment later.
FORGET = text("""
    delete from endpoint_secret using endpoint join journal
        on journal.aggregate_id = endpoint.id and journal.aggregate_version = endpoint.version
    where endpoint.id = endpoint_id and recorded_at + :kept < clock_timestamp()
        and cast(key_id as text) is distinct from state #>> '{identity,key_id}'
        and not exists (
            select 1 from jsonb_to_recordset(state -> 'keys') named (key_id uuid, until timestamptz)
            where named.key_id = endpoint_secret.key_id and coalesce(until + :kept >= clock_timestamp(), true)
        )
""")
WRAP = text("update endpoint_secret set kek_id = :kek_id, wrapped_key = :wrapped_key where key_id = :key_id")


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that was just made."""

    bytes: bytes
    shown: str | None
    """As the receiver is given it, this once; None if it needs only the public key."""


def new_key(scheme: Scheme) -> tuple[SigningKey, NewSecret]:
    """A fresh key for a scheme, and its secret."""
    secret = new_secret()
    if scheme == "v1":
        return SigningKey(key_id=new_id(), scheme=scheme), NewSecret(secret, shown(secret))
    return SigningKey(key_id=new_id(), scheme=scheme, public_key=Public(secret).public_key), NewSecret(secret, None)


async def keep(tx: Transaction, endpoint: Endpoint, key_id: UUID, secret: bytes, keys: KeyRing) -> None:
    """Keep a secret of an endpoint, sealed."""
    sealed = keys.seal(secret, key_id)
    await tx.execute(
        insert(SecretRow).values(
            key_id=key_id,
            endpoint_id=endpoint.id,
            academy=endpoint.academy,
            kek_id=sealed.kek_id,
            wrapped_key=sealed.wrapped_key,
            ciphertext=sealed.ciphertext,
        )
    )


async def rewrap_secrets(db: Work, *, keys: KeyRing, by: Actor) -> int:
    """Put every secret under the current key-encryption key, while everything runs; how many were not yet.

    Only data keys are wrapped anew: the secrets themselves stay as they are, and so do their signatures. Run it until
    it says 0; the old key-encryption key is needed no more then. Raises KeyMissing for a secret whose key is not here.
    """
    PERMISSIONS.allow(by, "rewrap_secrets")
    wrapped = 0
    while True:
        async with db.transaction(by.scope) as tx:
            rows = (await tx.execute(UNDER_ANOTHER_KEY, {"current": keys.current, "page": PAGE})).all()
            for row in rows:
                if row.kek_id not in keys:
                    raise KeyMissing(key=row.kek_id)
                anew = keys.rewrap(Sealed(row.kek_id, row.wrapped_key, row.ciphertext), row.key_id)
                await tx.execute(WRAP, {"key_id": row.key_id, "kek_id": anew.kek_id, "wrapped_key": anew.wrapped_key})
        wrapped += len(rows)
        if not rows:
            return wrapped


async def forget_secrets(database: Database, *, kept: timedelta) -> int:
    """Delete the secrets and client keys that have been of no use for so long, by the database's clock; how many.

    What is left of a replaced one is its name in the journal.
    """
    async with database.transaction(NATIONAL) as tx:
        forgotten = (await tx.execute(FORGET, {"kept": kept})).rowcount  # type: ignore[attr-defined]
        return int(forgotten)
