"""Everything a person touches: the command line ``footnote`` and the page."""
