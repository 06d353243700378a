"""Who may train and how much, from what the settings say."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from cifar_core import access, hardware
from cifar_core.errors import AccessError, JobError
from cifar_core.recipes import get_recipe

NAMED = "Ada@example.org, bo@example.org"


@pytest.mark.parametrize(
    ("setting", "email"),
    [(None, None), (None, "eve@example.org"), (NAMED, "ada@example.org"), (NAMED, "BO@example.org")],
)
def test_who_may(monkeypatch: pytest.MonkeyPatch, setting: str | None, email: str | None) -> None:
    monkeypatch.delenv(access.OPERATORS, raising=False)
    if setting is not None:
        monkeypatch.setenv(access.OPERATORS, setting)
    access.check(email)


@pytest.mark.parametrize(
    ("setting", "email", "message"),
    [
        (NAMED, None, "log in"),
        (NAMED, "eve@example.org", "eve@example.org may not train"),
        (NAMED, "a@example.org", "may not train"),
        ("nobody", "ada@example.org", "switched off"),
        ("", "ada@example.org", "switched off"),
        ("off", None, "switched off"),
        ("everybody", None, "switched off"),  # what is set wrongly allows nothing
    ],
)
def test_who_may_not(monkeypatch: pytest.MonkeyPatch, setting: str, email: str | None, message: str) -> None:
    monkeypatch.setenv(access.OPERATORS, setting)
    with pytest.raises(AccessError, match=message):
        access.check(email)


def test_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(access.MINUTES, raising=False)
    assert access.time_limit() is None
    monkeypatch.setenv(access.MINUTES, "2.5")
    assert access.time_limit() == 150
    for wrong in ("", "0", "-1", "nan", "inf", "ten"):
        monkeypatch.setenv(access.MINUTES, wrong)
        with pytest.raises(JobError, match="must be a number of minutes"):
            access.time_limit()


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
    machine_with(monkeypatch, access.memory(recipe), tmp_path)
    access.refuse_if_short_of_memory(recipe)
    machine_with(monkeypatch, access.memory(recipe) - 1, tmp_path)
    with pytest.raises(JobError, match=r"“quick” needs about 1\.9 GB of memory, .* a smaller batch"):
        access.refuse_if_short_of_memory(recipe)


def test_what_a_step_holds_at_a_time_decides_how_much_memory_a_training_needs() -> None:
    fast = get_recipe("fast")
    assert access.memory(fast) > access.memory(get_recipe("quick"))  # of half the filters
    assert access.memory(fast.with_(epochs=100)) == access.memory(fast)
    halved = access.memory(fast) - access.memory(fast.with_(batch_size=500))
    doubled = access.memory(fast.with_(precision="float32")) - access.memory(fast)
    assert (halved, doubled) == (500 * 31**2 * 64 * 2 * access.LAYERS, 2 * halved)
    frozen = get_recipe("report-vgg16")
    assert access.memory(frozen.with_(batch_size=4096)) == access.memory(frozen)


def test_short_of_disk_is_one_sentence_that_names_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=access.DISK))
    access.refuse_if_short_of_disk(tmp_path)
    monkeypatch.setattr(psutil, "disk_usage", lambda _: SimpleNamespace(free=access.DISK - 1))
    with pytest.raises(JobError, match=rf"needs about 500\.0 MB of disk, .* free in {tmp_path};"):
        access.refuse_if_short_of_disk(tmp_path)
