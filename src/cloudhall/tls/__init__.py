"""Listening for others: where, under which certificate, and what is refused.

    door.py        what the operator asked for, and whether it makes sense
    guard.py       whether an installation may be opened to others at all
    authority.py   an authority of the installation's own, and the server certificate that it signs
    showing.py     the certificate that is shown, read anew when it changes

Invariants: nothing is sent in clear beyond loopback unless a proxy was named that stands before us; what a proxy says
of its clients is believed of the named ones alone. Not here: S3, whose engine listens on loopback only; a proxy
before it is told of by CLOUDHALL_S3_ADDRESS.
"""
