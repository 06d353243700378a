"""Many pictures at once, each under a name: out of a folder, an archive or a Parquet file."""
