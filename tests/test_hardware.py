from pathlib import Path

import pytest

from cifar_core import hardware, jobs
from cifar_core.recipes import get_recipe

ZEN_4 = "model name\t: A processor\nflags\t\t: fpu avx512f avx512_bf16 avx512_vnni\n"
SAPPHIRE_RAPIDS = "model name\t: A processor\nflags\t\t: fpu avx512f avx512_bf16 amx_bf16 amx_tile\n"
OLDER = "model name\t: A processor\nflags\t\t: fpu avx512f avx512_vnni\n"


@pytest.mark.parametrize(
    ("text", "found"), [(ZEN_4, True), (SAPPHIRE_RAPIDS, True), (OLDER, False), (None, False)]
)
def test_bfloat16_is_used_only_where_the_processor_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, found: bool
) -> None:
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(hardware, "_CPU_INFO", file)
    assert hardware.has_bfloat16() is found
    for name, wanted in (("fast", "bfloat16" if found else "float32"), ("report", "float32")):
        assert jobs._config(get_recipe(name))["recipe"]["precision"] == wanted


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (ZEN_4, "A processor (AVX-512 with bfloat16), "),
        (SAPPHIRE_RAPIDS, "A processor (AMX with bfloat16), "),
        (OLDER, "A processor (AVX-512), "),
        ("model name\t: A processor\nflags\t\t: fpu avx avx2\n", "A processor (AVX2), "),
        ("model name\t: A processor\nFeatures\t: fp asimd\n", "A processor, "),
    ],
)
def test_a_machine_is_named_with_what_makes_it_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, start: str
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(text)
    monkeypatch.setattr(hardware, "_CPU_INFO", file)
    assert hardware.describe().startswith(start)
    assert hardware.describe().endswith(" cores")


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
