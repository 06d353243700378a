"""The machine a training ran on: what a time is worth nothing without."""

import os
import platform
from pathlib import Path

import psutil


def describe() -> str:
    """Return this machine's processor and the number of cores a process may use, in words."""
    model = platform.processor()
    cpu_info = Path("/proc/cpuinfo")  # Linux leaves the name out of `platform`
    if cpu_info.exists():
        names = [line.partition(":")[2] for line in cpu_info.read_text().splitlines() if "model name" in line]
        model = names[0].strip() if names else model
    known = hasattr(psutil.Process, "cpu_affinity")  # not on macOS
    cores = len(psutil.Process().cpu_affinity()) if known else os.cpu_count()
    return f"{model or platform.machine()}, {cores} cores"
