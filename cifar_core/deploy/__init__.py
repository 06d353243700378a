"""A model in production: its export, TensorFlow Serving's REST API, and the check that both agree."""
