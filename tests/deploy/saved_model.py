from pathlib import Path


def lay_out(root: Path) -> Path:
    """Write a folder as `export` leaves it and return it; only TensorFlow would mind the content."""
    folder = root / "serving" / "quick" / "1"
    (folder / "variables").mkdir(parents=True)
    (folder / "assets.extra").mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "fingerprint.pb").write_bytes(b"17")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(range(256)) * 1000)
    (folder / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"warm-up")
    return folder
