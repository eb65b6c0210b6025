"""Documents become chunks, embeddings, a FAISS index and a SQLite catalog. Knows nothing of questions."""
