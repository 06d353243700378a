"""Whether a machine has what a training needs."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cifar_core import hardware
from cifar_core.errors import JobError
from cifar_core.recipes import get_recipe
from cifar_core.runs import resources


def machine_with(monkeypatch: pytest.MonkeyPatch, available: int, cgroup: Path) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    monkeypatch.setattr(hardware, "_CGROUP", cgroup)


def test_memory_is_the_machines_or_what_the_container_leaves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine_with(monkeypatch, 3_000_000_000, tmp_path)
    assert hardware.free_memory() == 3_000_000_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 100\n")
    assert hardware.free_memory() == 3_000_000_000
    (tmp_path / "memory.max").write_text("1000\n")
    assert hardware.free_memory() == 1000 - 900 + 100


def test_short_of_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = get_recipe("quick")
    machine_with(monkeypatch, resources.memory(recipe), tmp_path)
    resources.refuse_if_short_of_memory(recipe)
    machine_with(monkeypatch, resources.memory(recipe) - 1, tmp_path)
    with pytest.raises(JobError, match=r"“quick” needs about 1\.9 GB of memory, .* a smaller batch"):
        resources.refuse_if_short_of_memory(recipe)


def test_what_a_step_holds_at_a_time_decides_how_much_memory_a_training_needs() -> None:
    fast = get_recipe("fast")
    assert resources.memory(fast) > resources.memory(get_recipe("quick"))  # of half the filters
    assert resources.memory(fast.with_(epochs=100)) == resources.memory(fast)
    halved = resources.memory(fast) - resources.memory(fast.with_(batch_size=500))
    doubled = resources.memory(fast.with_(precision="float32")) - resources.memory(fast)
    assert (halved, doubled) == (500 * 31**2 * 64 * 2 * resources.LAYERS, 2 * halved)
    frozen = get_recipe("report-vgg16")
    assert resources.memory(frozen.with_(batch_size=4096)) == resources.memory(frozen)


def test_short_of_disk_is_one_sentence_that_names_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=resources.DISK))
    resources.refuse_if_short_of_disk(tmp_path)
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=resources.DISK - 1))
    with pytest.raises(JobError, match=rf"needs about 500\.0 MB of disk, .* free in {tmp_path};"):
        resources.refuse_if_short_of_disk(tmp_path)
