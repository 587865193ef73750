"""What is well with an installation and what is not, each with its remedy; with the server up or down.

`examine` runs every check. A check looks, changes nothing, and answers findings; what it cannot look at is a finding
too. It reads the data folder directly, so it runs on the installation's machine, as whoever may read it.
"""
