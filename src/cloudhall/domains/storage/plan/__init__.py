"""The plan of a store: from capacity and scheme to disks, racks, cells, repair, power, cost and expected loss.

A library that needs neither server nor database: of the rest of the house it knows errors and texts, nothing else.
Invariants: a plan is a function of capacity, scheme and assumptions, and each of its figures names its formula; each
assumption names its source and whether somebody has compared it with that source.
"""
