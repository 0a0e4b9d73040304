"""Orders for the client of D-TA's agent: what it lacks for being short. docs/orders.md says what they mean.

    with Agent("/run/dtad/agent.sock") as agent:
        order = agent.order("create", new_order=[{"type": "secret", "principal": "alice", "fiduciary": "bank"}])
        agent.order("redeem", order["cid"], purpose="the will was read")
        secret = agent.call("order_result", subject=order["cid"])["data"]
"""
import dta_client
from dta_client import DETAILS, FIELD, OPERATIONS, RESPONSE

OPERATIONS.update({
    "order_create": 70, "order_list": 71, "order_show": 72, "order_receive": 73, "order_fulfil": 74, "order_redeem": 75,
    "order_approve": 76, "order_result": 77, "order_destroy": 78, "order_deposit": 79, "plugin_list": 80})
NEW_ORDER = {
    "type": (1, str), "principal": (2, str), "fiduciary": (3, str), "beneficiary": (4, str), "redeemers": (5, [str]),
    "recipient": (6, str), "approvers": (7, [str]), "approvals": (8, int), "requester_may_approve": (9, bool),
    "not_before": (10, int), "not_after": (11, int), "max_uses": (12, int), "fields": (13, [FIELD])}
NEXT_STEP = {
    "step": (1, str), "by": (2, str), "use": (3, int), "not_before": (4, int), "not_after": (5, int), "missing": (6, int),
    "deposit_missing": (7, bool), "refusal": (8, str), "rejections": (9, int), "was_refused": (10, bool),
    "refusal_reason": (11, str)}
ORDER = {
    "cid": (1, str), "reference": (2, str), "type": (3, str), "state": (4, str), "next": (5, str), "principal": (6, str),
    "fiduciary": (7, str), "beneficiary": (8, str), "redeemers": (9, [str]), "recipient": (10, str),
    "approvers": (11, [str]), "approvals": (12, int), "requester_may_approve": (13, bool), "not_before": (14, int),
    "not_after": (15, int), "max_uses": (16, int), "uses": (17, int), "approved": (18, int), "created": (19, int),
    "updated": (20, int), "roles": (21, [str]), "fields": (22, [FIELD]), "commitment": (23, bytes), "reason": (24, str),
    "next_step": (25, [NEXT_STEP])}
PART = {
    "cid": (1, str), "kind": (2, str), "use": (3, int), "from": (4, str), "to": (5, [str]), "previous": (6, str),
    "created": (7, int), "received": (8, int), "status": (9, str), "reason": (10, str), "standing": (11, str),
    "purpose": (12, str), "decision": (13, str), "urls": (14, [str]), "fields": (15, [FIELD]), "open": (16, bool)}
DETAILS.update({
    "new_order": (12, [NEW_ORDER]), "decision": (13, str), "purpose": (14, str), "use": (15, int), "expires": (16, int),
    "filters": (17, [FIELD]), "request_fields": (18, [FIELD]), "redemption": (19, str)})
# What the client reads already, and what is new to it.
_, (LISTS,) = RESPONSE["lists"]
LISTS.update({"orders": (2, [ORDER]), "parts": (3, [PART])})


class Agent(dta_client.Agent):
    def order(self, operation, subject="", **fields):
        """An operation on one order: how it is then."""
        return self.call("order_" + operation, subject=subject, **fields)["lists"][0]["orders"][0]
