"""The command line where its output leads nowhere, what was typed is long, or Ctrl-C comes early."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command_line import PROGRAM, ROOT, Typed

LONG = "a" * 5_000
FULL = Path("/dev/full")
COMMANDS = (["runs"], ["data", "--json"], ["--help"])

needs_a_shell = pytest.mark.skipif(sys.platform == "win32", reason="which has no such shell")


def shell(line: str, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as `"$@"` of a line of the shell."""
    command = ["sh", "-c", line, "sh", *PROGRAM, *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, text=True)


@needs_a_shell
@pytest.mark.parametrize("arguments", [["runs"], ["stop", "nobody"]], ids=" ".join)
@pytest.mark.parametrize("closed", ["1>&-", "0<&- 1>&- 2>&-"])
def test_a_closed_stream_changes_nothing_else(env: dict[str, str], arguments: list[str], closed: str) -> None:
    done = shell(f'"$@" {closed}', env, *arguments)
    assert done.returncode == (1 if "nobody" in arguments else 0)
    assert "Traceback" not in done.stderr


@needs_a_shell
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_reader_that_has_gone_is_no_error(env: dict[str, str], arguments: list[str]) -> None:
    assert shell('"$@" | true', env, *arguments).stderr == ""


@pytest.mark.skipif(not FULL.exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_behind_the_output_is_a_sentence(env: dict[str, str], arguments: list[str]) -> None:
    done = shell(f'"$@" > {FULL}', env, *arguments)
    assert done.returncode == 1
    said = "Error: A file or the output cannot be read or written (No space left on device).\n"
    assert done.stderr == said


@pytest.mark.parametrize(
    "arguments",
    [
        ["stop", LONG],
        ["train", LONG],
        ["train", "quick", "--data", LONG],
        ["restore", LONG],
        ["classify", LONG, "cat.png"],
        ["vertex", "deploy", LONG, "--project", "my-project", "--region", "europe-west4", "--dry-run"],
    ],
    ids=lambda arguments: " ".join(arguments).replace(LONG, "LONG"),
)
@pytest.mark.usefixtures("runs")
def test_a_long_name_is_not_echoed_whole(arguments: list[str], typed: Typed) -> None:
    done = typed(*arguments)
    assert (done.status, done.out) == (1, "")
    assert len(done.err) < 700
    assert re.fullmatch(r"Error: .+[a-z]\.\n", done.err), "its end, with what to do, is there"


@pytest.mark.usefixtures("runs")
def test_the_home_of_nobody_is_a_folder_that_is_not_there(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("CIFAR10_DIR", "CIFAR10_TRUST", "VGG16_WEIGHTS"):
        monkeypatch.setenv(variable, "~nope/data")
        assert typed("data").status == 0
        done = typed("train", "vgg16" if variable == "VGG16_WEIGHTS" else "quick")
        assert (done.status, done.out) == (1, "")
        assert re.fullmatch(r"Error: .+\.\n", done.err)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="where no process can be sent a Ctrl-C")
@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_ctrl_c_while_it_loads_ends_it_without_a_word(env: dict[str, str], seconds: float) -> None:
    """Before 0.1 s it is Python itself that loads, which says so at length."""
    # A shell that runs the tests in the background makes them, and what they start, deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [*PROGRAM, "runs", "--json"]
    with subprocess.Popen(
        command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert "Traceback" not in said
    assert process.returncode in (-signal.SIGINT, 130, 0)
