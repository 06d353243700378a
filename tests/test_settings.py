"""One list of settings: what docs/hosting.md, `--help` and the code say of them is the same."""

import ast
from pathlib import Path

import pytest

from cifar_core import paths, settings
from cifar_core.annotations import sources as annotations
from cifar_core.datasets import cifar10
from cifar_core.settings import SETTINGS, Setting
from tests.command_line import answer

ROOT = paths.code_root()
PAGE = (ROOT / "docs" / "hosting.md").read_text("utf-8").splitlines()


def test_every_setting_is_in_the_list() -> None:
    assert list(SETTINGS) == [item for item in vars(settings).values() if isinstance(item, Setting)]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_the_page_says_what_it_does(setting: Setting) -> None:
    row = f"| `{setting.name}` | {setting.says} | {setting.default} |"
    assert row in PAGE


def test_the_page_knows_no_others() -> None:
    rows = [line for line in PAGE if line.startswith("| `CIFAR_LAB_")]
    assert len(rows) == sum(setting.name.startswith("CIFAR_LAB_") for setting in SETTINGS)


def test_help_says_what_they_do() -> None:
    text = " ".join(answer("--help").split())
    for setting in SETTINGS:
        assert f"{setting.name}: {setting.says}. Not set: {setting.default}." in text


def test_the_example_has_them_all_and_sets_none() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")
    assert text == settings.example(), "`python -m cifar_core.settings > .env.example` makes it anew"
    lines = [line for line in text.splitlines() if line and not line.startswith("# ")]
    assert lines == [f"#{setting.name}=" for setting in SETTINGS]


def sources() -> list[Path]:
    folders = [ROOT / name for name in ("cifar_core", "pages")]
    return [ROOT / "streamlit_app.py", *(path for folder in folders for path in folder.rglob("*.py"))]


def test_nothing_else_reads_them() -> None:
    names = {setting.name for setting in SETTINGS}
    elsewhere = {
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
        for path in sources()
        if path != ROOT / "cifar_core" / "settings.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert not elsewhere


PATHS = (settings.CIFAR10_DIR, settings.CIFAR10_TRUST, settings.VGG16_WEIGHTS, settings.RUNS)


@pytest.mark.parametrize("setting", PATHS, ids=lambda setting: setting.name)
@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("~/data", "HOME/data"),
        ("~", "HOME"),
        ("~nobody-of-that-name/data", "~nobody-of-that-name/data"),
        ("a/~/b", "a/~/b"),
        ("", None),
    ],
)
def test_a_path_may_begin_in_the_home_folder(
    setting: Setting, value: str, path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(setting.name, value)
    assert setting.path() == (Path(path.replace("HOME", str(tmp_path))) if path else None)


def test_whoever_reads_a_path_reads_it_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for setting in PATHS:
        monkeypatch.setenv(setting.name, f"~/{setting.name}")
        (tmp_path / setting.name).mkdir()
    for name in cifar10.BATCH_MD5:
        (tmp_path / "CIFAR10_DIR" / name).touch()
    assert cifar10.find() == tmp_path / "CIFAR10_DIR"
    assert annotations.folder() == tmp_path / "CIFAR10_TRUST"
    assert paths.runs_root() == tmp_path / "CIFAR_LAB_RUNS"
