"""A model in production: its export, TensorFlow Serving, Vertex AI, and the check that a server agrees."""
