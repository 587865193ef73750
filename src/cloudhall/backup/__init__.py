"""A whole installation in one folder, of one moment, taken while it serves; and a new installation made of it.

    manifest.json     what there is: sizes, SHA-256, versions, rows, the audit log's checkpoint; written last
    cloudhall.db      the rows of the moment, the audit log among them
    objects.db        entries of the object engine of the same moment, and where their bytes lie
    objects-N.pack    those bytes
    keys.sealed       the keys and whatever else lies in the data folder, under a secret that is not in the backup

The moment (`manifest.at_us`) is that of the rows. First the objects are copied while clients go on; then the rows are
taken in one read transaction; then the engine's log of changes brings the copied objects to that very moment. So what
was acknowledged before it is there, and what was deleted before it is not; of what came later nothing is there.

Invariants: a folder with a manifest is whole; whatever interrupts, there is none. Nothing of the running installation
is changed, and nothing is counted as a tenant's request. Keys never lie in clear beside the data unless told so.
Not here: backups that hold differences only. Each is whole.
"""
