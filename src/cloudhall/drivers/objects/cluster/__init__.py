"""A SeaweedFS cluster behind the port `objects`: its parts as processes, its health, and what mends it.

`parts` says what it is made of, `commands` how each part is started, `fleet` runs them; `topology` is what the masters
see, `health` what that means, `steps` what follows from it, `steward` does it (through `shell` where the engine has a
command for it), `scrubbing` reads all bytes again; `gateways` and `following` make one store of several gateways and
filers; `driver` is the port. `durability` says what survives what, and which test shows it.

All parts run on this machine: they end with Cloudhall, as the embedded engine does.
"""
