"""Steps towards a signature under an agreement or an amendment, by what they do."""

SIGNS = frozenset({"sign_agreement", "sign_amendment"})
"""These a delegate does under the mandate of who delegated; for the others one's own is needed."""
CONFIRMS = frozenset({"confirm_signature", "confirm_amendment_signature"})
"""By these a party stands by its signature that is contested, once all have signed."""
WHILE_OFFERED = SIGNS | {"decline_agreement", "delegate_signing", "decline_amendment", "delegate_amendment"}
UNDER_MANDATE = WHILE_OFFERED | CONFIRMS
RECALLS = frozenset({"withdraw_delegation", "withdraw_amendment_delegation"})
"""These who delegated does, whether their mandate and the offer still hold or not."""
RECORDS = frozenset({"record_scan", "record_amendment_scan"})
"""Who signed on paper is said with the scan: whether they hold a mandate is seen then."""
ACCEPTS = frozenset({"accept_scan", "accept_amendment_scan"})
"""These rest on the mandate of who signed, of the day on the paper."""
CHECKS = ACCEPTS | {"return_scan", "return_amendment_scan"}
GIVES = SIGNS | RECORDS
"""In one's turn."""
BINDS = GIVES | ACCEPTS
"""By these a party comes to be bound."""
NEED_STANDING = BINDS | CONFIRMS
"""An association that is not accredited takes none of these."""
NEED_AN_OFFER = WHILE_OFFERED | RECORDS
RENEWS = frozenset({"renew_offer", "renew_amendment_offer"})
SENDS_BACK = frozenset({"return_with_remarks", "return_amendment", "refuse_amendment"})
"""What whoever holds the step of an approval does instead of approving."""
LEAVES_THE_TABLE = frozenset({"reopen_text", "cancel_agreement"})
"""Not while a ceremony under way has it in its order."""
TAKES_BACK = frozenset({"cancel_agreement", "reopen_text", "withdraw_amendment"})
