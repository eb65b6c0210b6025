"""A question becomes a grounded answer with citations. Knows nothing of screens."""
