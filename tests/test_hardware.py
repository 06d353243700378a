from pathlib import Path

import psutil
import pytest

from cifar_core import hardware
from cifar_core.recipes import get_recipe
from cifar_core.runs import jobs

# What NumPy says of a processor, and Linux, if it is Linux.
ZEN_4 = {"AVX2", "AVX512F", "AVX512BF16"}, "flags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n"
SAPPHIRE_RAPIDS = {"AVX2", "AVX512F", "AVX512BF16"}, "flags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile\n"
OLDER = {"AVX2", "AVX512F"}, "flags\t\t: fpu avx512f avx512_vnni\n"
ZEN_3 = {"AVX2"}, "flags\t\t: fpu avx avx2\n"
ARM = set[str](), "Features\t: fp asimd\n"


def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: set[str], text: str | None) -> None:
    """Be a machine with these features, on Linux where there is a text."""
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(f"model name\t: A processor\n{text}")
    monkeypatch.setattr(hardware, "_CPU_INFO", file)
    known = {"AVX2": False, "AVX512F": False, "AVX512BF16": False} if features else {"NEON": True}
    monkeypatch.setattr(hardware, "_CPU_FEATURES", known | dict.fromkeys(features, True))


@pytest.mark.parametrize(
    ("features", "text", "found"),
    [
        (*ZEN_4, True),
        (*SAPPHIRE_RAPIDS, True),
        (*OLDER, False),
        (ZEN_4[0], None, True),
        (OLDER[0], None, False),
        (set(), None, False),
    ],
)
def test_bfloat16_is_used_only_where_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: set[str], text: str | None, found: bool
) -> None:
    pretend(tmp_path, monkeypatch, features, text)
    assert hardware.has_bfloat16() is found
    for name, wanted in (("fast", "bfloat16" if found else "float32"), ("report", "float32")):
        assert jobs.for_this_machine(get_recipe(name)).precision == wanted


@pytest.mark.parametrize(
    ("features", "text", "start"),
    [
        (*ZEN_4, "A processor (AVX-512 with bfloat16), "),
        (*SAPPHIRE_RAPIDS, "A processor (AMX with bfloat16), "),
        (*OLDER, "A processor (AVX-512), "),
        (*ZEN_3, "A processor (AVX2), "),
        (*ARM, "A processor, "),
        (ZEN_3[0], None, "A laptop's (AVX2), "),
        (set(), None, "A laptop's, "),
    ],
)
def test_a_machine_is_named_with_what_makes_it_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: set[str], text: str | None, start: str
) -> None:
    pretend(tmp_path, monkeypatch, features, text)
    monkeypatch.setattr("platform.processor", lambda: "A laptop's")
    assert hardware.describe().startswith(start)
    assert hardware.describe().endswith(" cores")


def test_of_two_processors_the_one_that_trains_faster_is_the_greater() -> None:
    unknown, *faster = hardware.Vectors
    assert unknown.text == ""
    assert [item.text for item in faster] == [
        "AVX2", "AVX-512", "AVX-512 with bfloat16", "AMX with bfloat16"
    ]  # fmt: skip
    assert sorted(faster) == faster


def test_this_machine_says_the_same_by_numpy_and_by_linux() -> None:
    cpu_info = Path("/proc/cpuinfo")
    flags = cpu_info.read_text().split() if cpu_info.exists() else []
    if "flags" not in flags:
        pytest.skip("not an x86 processor under Linux, which would name its instructions")
    assert hardware.has_bfloat16() == ("avx512_bf16" in flags or "amx_bf16" in flags)
    assert (hardware.vectors() >= hardware.Vectors.AVX512) == ("avx512f" in flags)
    assert (hardware.vectors() >= hardware.Vectors.AVX2) == ("avx2" in flags)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 64),
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "7800 100000\n"}, 1),  # less than a core is one thread
        ({"cpu.max": "9900000 100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ],
)
def test_a_container_gets_no_more_threads_than_it_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], cores: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _: list(range(64)), raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: {True: 64, False: 32}[logical])
    assert hardware.cores() == cores
    assert hardware.threads() == min(cores, 32)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)  # noqa: ARG005, not known everywhere
    assert hardware.threads() == cores


def test_glibc_is_asked_to_hold_less_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(hardware, "_of_libc", lambda _: lambda *values: asked.append(values))
    hardware.hold_little_memory()
    assert asked == [(-8, 2), (-1, 131_072), (-3, 131_072)]
    monkeypatch.undo()
    monkeypatch.setattr("sys.platform", "darwin")
    assert hardware._of_libc("mallopt") is None
    hardware.hold_little_memory()
    hardware.give_back_memory()
