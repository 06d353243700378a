"""Training runs and their model directories: read, start, stop, resume, delete."""
