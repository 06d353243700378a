"""Several visitors at once over Streamlit's own protocol; each is shown its own picture."""

import subprocess
import sys

import pytest

from cifar_core import model_dir


@pytest.mark.slow
@pytest.mark.usefixtures("cifar10")
def test_a_small_crowd_is_served() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crowd", "--visitors", "3", "--minutes", "0.05"],
        cwd=model_dir.code_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Errors: 0." in done.stdout
