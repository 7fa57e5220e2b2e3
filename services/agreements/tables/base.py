"""What the service's tables have in common, and which of their rows are seen."""

from shared.store import service_base

Base = service_base("agreements")

SEEN_BY = {
    # As IN_SCOPE; but of `or` the planner takes it that one row in two hundred is seen, of `case` one in two, and to
    # put "all of them" in order it then no longer reads all of them (migration 0029). And the scope is selected apart:
    # it is then read once, not for every row (migration 0035).
    "agreement": "case when (select current_setting('mithaq.scope', true)) = 'national' then true"
    " else visible_to && (select string_to_array(nullif(current_setting('mithaq.scope', true), ''), ',')) end",
    # The nation's scope is said first and apart, and spares a term the look at its agreement (migration 0015).
    "agreement_term": "(select current_setting('mithaq.scope', true)) = 'national'"
    " or (select true from agreement where agreement.id = agreement_id)",
    # Not `exists`, which the planner may turn round and answer for all agreements at once.
    "thread": "case when amendment_id is null then (select true from agreement where agreement.id = agreement_id)"
    " else (select true from amendment where amendment.id = amendment_id) end",
    **dict.fromkeys(("association_standing", "center_fact", "organisation", "reference_counter", "screen"), None),
    **dict.fromkeys(("chain_head", "chain_level", "clause_word"), None),
}
"""The condition on which rows are seen, where it is not that `visible_to` is in scope; None for those of nobody."""
