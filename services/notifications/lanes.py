"""Lanes: an endpoint's turn to be sent to. Its row says when its first waiting delivery is due."""

from sqlalchemy import text

NEXT_DUE = """
    (select next_attempt_at from delivery where delivery.endpoint_id = lane.endpoint_id and state = 'waiting'
     order by sequence limit 1)
"""
"""When a lane's first waiting delivery is due. Lock the lane in an earlier statement than the one that uses this."""
LOCK_LANE = text("select 1 from lane where endpoint_id = :endpoint for update")
SET_DUE = text(f"update lane set due_at = {NEXT_DUE} where endpoint_id = :endpoint")
