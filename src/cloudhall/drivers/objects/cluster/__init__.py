"""A SeaweedFS cluster behind the port `objects`: its parts as processes, its health, and what mends it.

`parts` says what it is made of, `commands` how each part is started, `fleet` runs them; `topology` is what the masters
see, `health` what that means, `steward` what follows from it; `driver` is the port. `durability` says what survives
what, and which test shows it.

All parts run on this machine: they end with Cloudhall, as the embedded engine does.
"""
