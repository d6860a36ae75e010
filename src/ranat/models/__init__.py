"""Pre-trained encoders: aliases, loading, and the hook on their word embeddings."""
