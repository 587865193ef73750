"""Policy: who may do what, written in Cedar, decided by closures, listed by SQL, explained in two languages.

    text ──cedarpy parses──► subset ──► conditions ──┬──► closures   decide
             cedarpy checks types                    ├──► where      filter a list
                                                     └──► words      explain

cedarpy is asked when policies are written, and as an oracle, in tests and for past decisions; never for a new one.
"""

from cloudhall.kernel.policy.model import (
    PLATFORM,
    Clause,
    Context,
    Decision,
    Explanation,
    Lack,
    Object,
    Subject,
    Where,
)
from cloudhall.kernel.policy.policies import PolicySet
from cloudhall.kernel.policy.rules import Policy
from cloudhall.kernel.policy.schema import AttrType, KindSchema, PolicySchema

__all__ = [
    "PLATFORM",
    "AttrType",
    "Clause",
    "Context",
    "Decision",
    "Explanation",
    "KindSchema",
    "Lack",
    "Object",
    "Policy",
    "PolicySchema",
    "PolicySet",
    "Subject",
    "Where",
]
