"""The machine: its processor, without which a time is worth nothing, and how to hold little of its memory."""

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

# Linux leaves the processor's name and what it can do out of `platform`.
_CPU_INFO = Path("/proc/cpuinfo")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # as glibc's malloc.h numbers them


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
    return f"{model or platform.machine()}{extra}, {cores} core{'' if cores == 1 else 's'}"


def hold_little_memory() -> None:
    """Let the C library keep less of what is free again, for as long as this process lives.

    By default glibc gives threads heaps of their own, which nothing empties, and every visit to a page is a
    new thread: with all pages opened the app holds 349 MB, and 292 MB after this.
    """
    if mallopt := _of_libc("mallopt"):
        mallopt(_ARENA_MAX, 2)
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            mallopt(threshold, 128 * 1024)


def give_back_memory() -> None:
    """Return memory that is free again to the system, where the C library would keep it.

    glibc keeps 37 MB after three networks were loaded and dropped, and several times that after VGG16.
    """
    gc.collect()
    if trim := _of_libc("malloc_trim"):
        trim(0)


def _of_libc(function: str) -> Callable[..., int] | None:
    """Return a function of glibc; None with another C library, such as musl."""
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
