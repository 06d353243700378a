"""The machine: its processor, without which a time is worth nothing, and its memory."""

import ctypes
import enum
import gc
import math
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

# NumPy has asked the processor and the system, whichever they are; it has no public name for the answer.
_CPU_FEATURES: dict[str, bool] = _multiarray_umath.__cpu_features__
_CPU_INFO = Path("/proc/cpuinfo")  # Linux: the processor's name, and AMX, which NumPy does not know of
_CGROUP = Path("/sys/fs/cgroup")  # where a container is told its limit
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # as glibc's malloc.h numbers them


class Vectors(enum.IntEnum):
    """Instructions for arithmetic with many numbers at once; the greater, the faster one trains."""

    UNKNOWN = 0
    AVX2 = 1
    AVX512 = 2
    AVX512_BFLOAT16 = 3
    AMX_BFLOAT16 = 4

    @property
    def text(self) -> str:
        """Their name in words, "" if they are not known."""
        return ("", "AVX2", "AVX-512", "AVX-512 with bfloat16", "AMX with bfloat16")[self]


def vectors() -> Vectors:
    """Return the widest instructions for arithmetic that the processor has."""
    if _CPU_INFO.exists() and "amx_bf16" in _CPU_INFO.read_text().split():
        return Vectors.AMX_BFLOAT16
    named = {"AVX512BF16": Vectors.AVX512_BFLOAT16, "AVX512F": Vectors.AVX512, "AVX2": Vectors.AVX2}
    return max((named[name] for name in named if _CPU_FEATURES.get(name)), default=Vectors.UNKNOWN)


def has_bfloat16() -> bool:
    """Whether the processor is known to multiply bfloat16 natively; elsewhere it would be slower."""
    return vectors() >= Vectors.AVX512_BFLOAT16


def describe() -> str:
    """Return this machine's processor and the number of cores a process may use, in words."""
    model = platform.processor()
    if _CPU_INFO.exists():
        lines = _CPU_INFO.read_text().splitlines()
        names = [line.partition(":")[2] for line in lines if "model name" in line]
        model = names[0].strip() if names else model
    # Two processors of one name, as clouds call theirs, can differ by a factor of two.
    extra = f" ({text})" if (text := vectors().text) else ""
    return f"{model or platform.machine()}{extra}, {cores()} core{'' if cores() == 1 else 's'}"


def cores() -> int:
    """Return how many cores, or threads of cores, this process may use; a container may limit them."""
    known = hasattr(psutil.Process, "cpu_affinity")  # not on macOS
    allowed = (len(psutil.Process().cpu_affinity()) if known else os.cpu_count()) or 1
    return min(allowed, _cpu_quota() or allowed)


def threads() -> int:
    """Return how many threads to compute with: not two on one core, and no more than a container allows."""
    return min(psutil.cpu_count(logical=False) or cores(), cores())


def _cpu_quota() -> int | None:
    """Return the cores' worth of time, rounded up, that a container may use; None if it has no limit."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # cgroups of version 2, 1
        try:
            quota, period = map(int, " ".join((_CGROUP / file).read_text() for file in files).split())
        except (OSError, ValueError):  # no container, or one without a limit ("max")
            continue
        if quota > 0 and period > 0:
            return math.ceil(quota / period)
    return None


def free_memory() -> int:
    """Return the bytes of memory that are free: the machine's, or what a container's limit leaves."""
    free: int = psutil.virtual_memory().available
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = int((_CGROUP / limit).read_text())
            held = int((_CGROUP / used).read_text())
            statistics = (_CGROUP / used).with_name("memory.stat").read_text().split()
        except (OSError, ValueError):  # no container, or one without a limit ("max")
            continue
        reclaimable = int(statistics[statistics.index(cache) + 1]) if cache in statistics else 0
        free = min(free, max(most - held + reclaimable, 0))
    return free


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
