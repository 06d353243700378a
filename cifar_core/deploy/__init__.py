"""A model in production: export, TensorFlow Serving, Vertex AI, and whether a server answers as the app."""
