"""From the journal to the effect: journal, relay, broker, reactions, progress, parking."""
