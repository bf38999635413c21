"""Two commands on one run folder, both real processes: the second is refused in one line, the first is not disturbed.

The oracle is the weights of a training that nobody has met.
"""

import subprocess
import sys
import time

from flow.cli.main import run as askew

LONG = ["--set", "training.epochs=400"]


def test_the_second_is_refused(run_copy, tmp_path):
    run = tmp_path / "busy"
    command = [sys.executable, "-m", "flow"]
    config = str(run_copy / "config.toml")
    first = [*command, "train", "--config", config, "--run", str(run), "--threads", "1", *LONG]
    with subprocess.Popen(first, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as training:
        try:
            until = time.monotonic() + 120
            while not list(run.glob("checkpoints/*.ckpt")):
                assert training.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            for second in (["simulate"], ["run", "--to", "export"], ["export"]):
                words = [*command, *second, "--run", str(run)]
                refused = subprocess.run(words, capture_output=True, text=True, check=False)
                assert refused.returncode == 2
                expected = f"askew: {run}: askew (process {training.pid}) works there; wait until it is done"
                assert refused.stderr.startswith(expected)
                assert refused.stderr.count("\n") == 1
            seen = subprocess.run([*command, "status", "--run", str(run)], capture_output=True, text=True, check=True)
            assert "fresh" not in seen.stdout  # looking is allowed
        finally:
            training.kill()
    assert not (run / "network.npz").exists()
    assert askew(["export", "--run", str(run)]) == 2  # nobody holds it any more: what is said is that it is not trained
