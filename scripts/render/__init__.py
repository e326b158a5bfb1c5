"""Generated documents. A module has `pages()`, which returns whole files as they should be, and
`BLOCKS`, which renders what stands below the markers of these names on any page in docs.
"""
