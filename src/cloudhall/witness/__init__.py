"""A witness: a process of its own, best on a machine of others, that has seen a log and says so by its signature.

It speaks C2SP tlog-witness and tlog-cosignature (https://c2sp.org) and keeps nothing but its key and, of each log, the
newest head that it signed. It judges by `verify.py`, not by the code that makes the proofs.
"""
