"""Who may read which figures; what each reads is narrowed by jurisdiction."""

from shared.web.permissions import ANYONE, Permissions

PERMISSIONS = Permissions(
    {
        "read_agreements_by_state": ANYONE,
        "read_capacity": ANYONE,
        "read_signature_timeline": ANYONE,
    }
)
