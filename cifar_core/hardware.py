"""The machine a training ran on: what a time is worth nothing without."""

import os
import platform
from pathlib import Path

import psutil

# Linux leaves the processor's name and what it can do out of `platform`.
_CPU_INFO = Path("/proc/cpuinfo")


def has_bfloat16() -> bool:
    """Whether the processor is known to multiply bfloat16 natively; elsewhere it would be slower."""
    if not _CPU_INFO.exists():
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(_CPU_INFO.read_text().split()))


def describe() -> str:
    """Return this machine's processor and the number of cores a process may use, in words."""
    model = platform.processor()
    if _CPU_INFO.exists():
        lines = _CPU_INFO.read_text().splitlines()
        names = [line.partition(":")[2] for line in lines if "model name" in line]
        model = names[0].strip() if names else model
    known = hasattr(psutil.Process, "cpu_affinity")  # not on macOS
    cores = len(psutil.Process().cpu_affinity()) if known else os.cpu_count()
    return f"{model or platform.machine()}, {cores} cores"
