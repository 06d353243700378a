"""The machine a training ran on: what a time is worth nothing without."""

import ctypes
import gc
import os
import platform
import sys
from pathlib import Path

import psutil

# Linux leaves the processor's name and what it can do out of `platform`.
_CPU_INFO = Path("/proc/cpuinfo")


def has_bfloat16() -> bool:
    """Whether the processor is known to multiply bfloat16 natively; elsewhere it would be slower."""
    return "bfloat16" in vector_instructions()


def vector_instructions() -> str:
    """Return the widest instructions for arithmetic, which decide how fast one trains; "" if not known."""
    flags = set(_CPU_INFO.read_text().split()) if _CPU_INFO.exists() else set()
    if "amx_bf16" in flags:
        return "AMX with bfloat16"
    if "avx512_bf16" in flags:
        return "AVX-512 with bfloat16"
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""


def describe() -> str:
    """Return this machine's processor and the number of cores a process may use, in words."""
    model = platform.processor()
    if _CPU_INFO.exists():
        lines = _CPU_INFO.read_text().splitlines()
        names = [line.partition(":")[2] for line in lines if "model name" in line]
        model = names[0].strip() if names else model
    known = hasattr(psutil.Process, "cpu_affinity")  # not on macOS
    cores = len(psutil.Process().cpu_affinity()) if known else os.cpu_count()
    # Two processors of one name, as clouds call theirs, can differ by a factor of two.
    extra = f" ({instructions})" if (instructions := vector_instructions()) else ""
    return f"{model or platform.machine()}{extra}, {cores} cores"


def give_back_memory() -> None:
    """Return memory that is free again to the system, where the C library would keep it.

    glibc keeps 37 MB after three networks were loaded and dropped, and several times that after VGG16.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in musl
        if trim:
            trim(0)
