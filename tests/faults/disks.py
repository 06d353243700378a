"""Disks in a file, which root may mount under Linux: to be halted, and to be cut off."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


def make(image: Path, size: str = "64M") -> Path:
    """Make a file that holds an empty ext4."""
    subprocess.run(["truncate", "--size", size, str(image)], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    return image


@contextlib.contextmanager
def mounted(image: Path, folder: Path, options: str = "defaults") -> Iterator[Path]:
    """Have the disk in `image`, made if it is not there, at `folder`."""
    if not image.exists():
        make(image)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", f"loop,{options}", str(image), str(folder)], check=True)
    try:
        yield folder
    finally:
        # Lazily: a process that has said its last word may still be leaving.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
