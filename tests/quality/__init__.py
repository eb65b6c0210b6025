"""Answer quality over the sample documents, with the real embedding model."""
