from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.commands import train as train_command
from host.data.augment import AugmentConfig
from host.data.samples import Samples
from host.data.sign_mnist import load_sign_mnist
from host.quiet import import_keras
from host.training.cluster import Cluster, read_cluster, wait_for_peers
from host.training.config import TrainConfig
from target.errors import BackendError, DataError

import_keras()
from host.training.batches import Batches  # noqa: E402
from host.training.checkpoint import Checkpoint  # noqa: E402
from host.training.distribute import connect  # noqa: E402
from host.training.fit import train  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
CONFIG = TrainConfig(
    "signnet",
    epochs=2,
    batch_size=64,
    learning_rate=2e-3,
    schedule="cosine",
    warmup=0.05,
    label_smoothing=0.05,
    l2=1e-3,
    class_weights="balanced",
    validation="tail:48",
    augment=AugmentConfig(),
)
# Rounding may turn a row or two over; a loss stays.
TOLERANCES = {
    **dict.fromkeys(("loss", "val_loss", "learning_rate"), 1e-4),
    **dict.fromkeys(("accuracy", "top3", "val_accuracy", "val_top3"), 0.013),
}
BOUND_S = 180  # a lost worker is noticed within seconds; this machine may be busy


@pytest.fixture(scope="module")
def samples(small_archive: Path) -> Samples:
    return load_sign_mnist(small_archive).train


def _assert_same(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> None:
    for name, tolerance in TOLERANCES.items():
        assert ours[name] == pytest.approx(theirs[name], abs=tolerance), name


@pytest.mark.slow
def test_one_device_is_plain_training(samples: Samples, tmp_path: Path) -> None:
    plain = train(samples, CONFIG, Checkpoint(tmp_path / "plain"))  # with signnet's dropout
    steps = connect(Cluster("mirrored"))
    mirrored = train(samples, CONFIG, Checkpoint(tmp_path / "mirrored"), steps=steps)
    _assert_same(mirrored.history, plain.history)
    layers = [layer.get_config() for layer in mirrored.model.layers]
    assert layers == [layer.get_config() for layer in plain.model.layers]


@pytest.mark.slow
def test_a_plain_training_goes_on_distributed_and_back(samples: Samples, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, network="intro", epochs=3)
    whole = train(samples, config, Checkpoint(tmp_path / "whole"))

    class Stopping(Checkpoint):
        def save(self, model: Any, progress: Any, identity: Any) -> None:
            super().save(model, progress, identity)
            raise KeyboardInterrupt

    for steps in (None, connect(Cluster("mirrored"))):
        with pytest.raises(KeyboardInterrupt):
            train(samples, config, Stopping(tmp_path / "parts"), steps=steps)
    parts = train(samples, config, Checkpoint(tmp_path / "parts"))
    assert len(parts.history["loss"]) == 3
    for name in ("loss", "val_loss"):
        assert parts.history[name] == pytest.approx(whole.history[name], rel=2e-3, abs=2e-3)


def test_batches_drawn_ahead_are_the_batches(samples: Samples) -> None:
    batches = Batches(samples, 25, dataclasses.replace(CONFIG, batch_size=20))
    ahead = list(batches.drawn_ahead())
    assert len(ahead) == len(batches) > batches.max_queue_size
    for index, drawn in enumerate(ahead):
        for ours, theirs in zip(drawn, batches[index]):
            np.testing.assert_array_equal(ours, theirs)


def _tf_config(workers: Any = ("a:1", "b:2"), kind: str = "worker", index: Any = 0) -> str:
    return json.dumps(
        {"cluster": {"worker": list(workers)}, "task": {"type": kind, "index": index}}
    )


def test_tf_config_says_who_trains_together() -> None:
    assert read_cluster("multi-worker", _tf_config(index=1)) == Cluster(
        "multi-worker", ("a:1", "b:2"), 1
    )
    jobs = {"chief": ["c:3"], "worker": ["a:1", "b:2"]}
    task = {"type": "worker", "index": 1}
    with_chief = read_cluster("multi-worker", json.dumps({"cluster": jobs, "task": task}))
    assert with_chief == Cluster("multi-worker", ("c:3", "a:1", "b:2"), 2)
    assert read_cluster("mirrored", "not JSON") == Cluster("mirrored")


@pytest.mark.parametrize(
    ("tf_config", "message"),
    [
        (None, "TF_CONFIG must be JSON, got none; set it on every worker"),
        ("{'cluster'}", r"TF_CONFIG must be JSON, got \"\{'cluster'\}\""),
        ("[]", "must have a cluster of workers, got none"),
        ('{"task": {"type": "worker", "index": 0}}', "must have a cluster of workers, got none"),
        ('{"cluster": {"worker": "a:1"}}', "must list the addresses of job worker, got a:1"),
        ('{"cluster": {"worker": ["a"]}}', "must have addresses host:port, got 'a'"),
        ('{"cluster": {"worker": ["a:99999"]}}', "must have addresses host:port, got 'a:99999'"),
        ('{"cluster": {"ps": ["a:1"]}}', "must have workers, and one chief at most"),
        ('{"cluster": {"worker": ["a:1"]}}', "must have a task of the cluster .* got None"),
        (_tf_config(("a:1", "a:1")), "must have every address once, got a:1, a:1"),
        (_tf_config(kind="ps"), "must have a task of the cluster with a type and an index"),
        (_tf_config(index=2), "must have a task index of 0 to 1, got 2"),
        (_tf_config(index=-1), "must have a task index of 0 to 1, got -1"),
        (_tf_config(index="0"), "must have a task of the cluster with a type and an index"),
    ],
)
def test_bad_tf_config_is_refused(tf_config: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_cluster("multi-worker", tf_config)


def test_an_unknown_strategy_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="--distribute must be one of mirrored, multi-worker"):
        read_cluster("parameter-server", None)
    with pytest.raises(SystemExit, match="2"):
        train_command.main(["--distribute", "parameter-server"])
    assert "invalid choice: 'parameter-server'" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--compare", "--quantization-aware"])
def test_what_cannot_be_distributed_is_refused(
    other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_command.main(["--distribute", "mirrored", other, "intro"]) == 1
    assert f"training of one network, got {other}" in capsys.readouterr().err


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def test_a_worker_that_never_comes_is_an_error() -> None:
    ours, theirs = (f"127.0.0.1:{port}" for port in _free_ports(2))
    cluster = Cluster("multi-worker", (ours, theirs), 0)
    with pytest.raises(BackendError, match=f"answer within 1 s, got .* from {theirs}; start"):
        wait_for_peers(cluster, patience_s=1)


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("", 0)) as taken:
        ours = f"127.0.0.1:{taken.getsockname()[1]}"
        cluster = Cluster("multi-worker", (ours, "127.0.0.1:9"), 0)
        with pytest.raises(BackendError, match=f"port of this worker must be free, .*{ours}"):
            wait_for_peers(cluster, patience_s=1)


def _start(
    workers: list[list[str]], archive: Path, logs: Path, program: Sequence[str] = ("-m", "host")
) -> list[subprocess.Popen[str]]:
    """Start the command once a worker, with the options of each."""
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(len(workers))]
    started = []
    for rank, options in enumerate(workers):
        environment = {**os.environ, "TF_CONFIG": _tf_config(addresses, index=rank)}
        command = [sys.executable, *program, "train", "--distribute", "multi-worker"]
        command += ["--data", str(archive), "--cache", str(logs / "cache"), *options]
        with open(logs / f"{rank}.txt", "w", encoding="utf-8") as log:
            started.append(
                subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=log, stderr=log, text=True
                )
            )
    return started


def _wait(workers: list[subprocess.Popen[str]], logs: Path) -> tuple[list[int], list[str]]:
    end = time.monotonic() + BOUND_S
    try:
        codes = [worker.wait(max(end - time.monotonic(), 1)) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return codes, [(logs / f"{rank}.txt").read_text() for rank in range(len(workers))]


def _options(network: str, out: Path, *more: str) -> list[str]:
    # Short steps: rounding turns a ReLU over here and there, which grows to 1e-3 in loss with longer ones.
    # These still move the loss by 5e-4 in an epoch.
    slow = ["--dropout", "0", "--l2", "0.001", "--optimizer", "sgd", "--learning-rate", "2e-5"]
    # 408 rows to train on: six batches of 60 and one of 48.
    plain = ["--rendered", "0", "--epochs", "2", "--batch-size", "60", "--validation", "tail:168"]
    balanced = ["--network", network, "--class-weights", "balanced"]
    return [*plain, *balanced, *(slow if network == "signnet" else []), "--out", str(out), *more]


# What a follower has in the end: the weights it computed, which it does not write.
_DUMP = """
import sys
import numpy as np
from host.training.distribute import Distributed
finish = Distributed.finish
def dump(self):
    np.savez(sys.argv[1] + f"/{self._rank}.npz", *self._model.get_weights())
    finish(self)
Distributed.finish = dump
from host.commands.train import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("network", ["signnet", "intro"])
def test_two_workers_are_one(network: str, small_archive: Path, tmp_path: Path) -> None:
    options = [_options(network, tmp_path / f"out{rank}") for rank in range(2)]
    program = ["-c", _DUMP, str(tmp_path)]
    codes, logs = _wait(_start(options, small_archive, tmp_path, program), tmp_path)
    assert codes == [0, 0], logs
    assert "worker 1: trained its share" in logs[1]
    assert not (tmp_path / "out1" / "float.keras").exists()
    assert {"float.keras", "history.json", "train.json", "workshop"} <= {
        path.name for path in (tmp_path / "out0").iterdir()
    }
    with np.load(tmp_path / "0.npz") as ours, np.load(tmp_path / "1.npz") as theirs:
        assert len(ours.files) > 2
        for name in ours.files:
            np.testing.assert_array_equal(ours[name], theirs[name])
    alone = ["--data", str(small_archive), "--cache", str(tmp_path / "cache")]
    assert train_command.main([*alone, *_options(network, tmp_path / "alone")]) == 0
    histories = [
        json.loads((tmp_path / name / "history.json").read_text())["history"]
        for name in ("out0", "alone")
    ]
    print(
        network,
        {n: np.abs(np.subtract(histories[0][n], histories[1][n])).max() for n in TOLERANCES},
    )
    _assert_same(*histories)


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "how"), [(1, signal.SIGKILL), (0, signal.SIGKILL), (1, 15)])
def test_a_lost_worker_ends_the_others_and_the_training_goes_on(
    killed: int, how: int, small_archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    options = [_options("intro", out, "--epochs", "400")] * 2
    workers = _start(options, small_archive, tmp_path)
    state = out / "checkpoint" / "state.json"
    end = time.monotonic() + BOUND_S
    while not state.exists() and time.monotonic() < end:
        assert [worker.poll() for worker in workers] == [None, None]
        time.sleep(0.1)
    workers[killed].send_signal(how)
    codes, logs = _wait(workers, tmp_path)
    assert codes[killed] == (-how if how == signal.SIGKILL else 128 + how)
    assert codes[1 - killed] == 1
    assert "error: every worker must stay reachable, got '" in logs[1 - killed]
    assert "Traceback" not in "".join(logs)
    done = json.loads(state.read_text())["progress"]["epoch"]
    content = json.loads(state.read_text())
    content["identity"]["config"]["epochs"] = done + 1  # two epochs more would take as long again
    state.write_text(json.dumps(content))
    again = [_options("intro", out, "--epochs", str(done + 1))] * 2
    codes, logs = _wait(_start(again, small_archive, tmp_path), tmp_path)
    assert codes == [0, 0], logs
    assert f"continuing after epoch {done} of {done + 1}" in logs[0]
    assert len(json.loads((out / "history.json").read_text())["history"]["loss"]) == done + 1


@pytest.mark.slow
def test_workers_with_other_options_are_told(small_archive: Path, tmp_path: Path) -> None:
    options = [_options("intro", tmp_path / "out", "--seed", str(rank + 1)) for rank in range(2)]
    codes, logs = _wait(_start(options, small_archive, tmp_path), tmp_path)
    assert codes == [1, 1]
    for log in logs:
        assert "all 2 workers must have the same options and data, got others on 1" in log


# Two stages; after the first one worker 1 has other weights in the last place, as another processor may give.
_STAGES = """
import dataclasses, json, os, sys
from pathlib import Path
from host.quiet import import_keras
import_keras()
import numpy as np
from host.commands.training_run import follow_training, run_training
from host.data.mixture import PHOTOS
from host.data.samples import join
from host.data.sign_mnist import load_sign_mnist
from host.training import fit
from host.training.cluster import read_cluster
from host.training.config import Stage, TrainConfig
from host.training.distribute import Distributed
cluster = read_cluster("multi-worker", os.environ["TF_CONFIG"])
train, begun = fit.train, []
def nudged(*args):
    trained = train(*args)
    if cluster.rank:
        near = [np.nextafter(one, 9) for one in trained.model.get_weights()]
        trained.model.set_weights(near)
    return trained
fit.train = nudged
begin = Distributed.begin
def seen(self, model, start, identity):
    result = begin(self, model, start, identity)
    begun.extend(self._model.get_weights())
    return result
Distributed.begin = seen
samples = join({PHOTOS: load_sign_mnist(Path(sys.argv[-1])).train.take(slice(0, 96))}, "some")
later = (Stage(epochs=1, learning_rate=1e-3, mix={PHOTOS: 32}),)
config = TrainConfig("intro", 1, 32, validation="tail:32", mix={PHOTOS: 64}, later=later)
out = Path(sys.argv[1])
if cluster.rank:
    follow_training(config, samples, out, cluster)
else:
    assert run_training(config, samples, out, False, cluster)["epochs_before"] == 1
np.savez(out.parent / f"{cluster.rank}.npz", *begun)
"""


@pytest.mark.slow
def test_a_later_stage_begins_with_the_weights_of_worker_0(
    small_archive: Path, tmp_path: Path
) -> None:
    program = ["-c", _STAGES, str(tmp_path / "out")]
    workers = _start([[str(small_archive)]] * 2, small_archive, tmp_path, program)
    codes, logs = _wait(workers, tmp_path)
    assert codes == [0, 0], logs
    with np.load(tmp_path / "0.npz") as ours, np.load(tmp_path / "1.npz") as theirs:
        assert len(ours.files) > 2
        for name in ours.files:
            np.testing.assert_array_equal(ours[name], theirs[name])


_THREE = """
import dataclasses, sys
from pathlib import Path
from host.quiet import import_keras
import_keras()
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
from host.data.sign_mnist import load_sign_mnist
from host.training.checkpoint import Checkpoint
from host.training.cluster import Cluster
from host.training.config import TrainConfig
from host.training.distribute import Distributed
from host.training.fit import train
samples = load_sign_mnist(Path(sys.argv[1])).train.take(slice(0, 64))
config = TrainConfig("signnet", 2, 16, "sgd", 0.0, dropout=0.0, l2=1e-3, class_weights="balanced",
                     learning_rate=2e-5, validation="tail:14", batch_norm=sys.argv[3] == "norm")
out = Path(sys.argv[2])
plain = train(samples, config, Checkpoint(out / "plain")).history
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1", "/cpu:2"])
steps = Distributed(strategy, Cluster("mirrored"))
three = train(samples, config, Checkpoint(out / "three"), steps=steps).history
for name, tolerance in (("loss", 1e-4), ("val_loss", 1e-4), ("accuracy", 0.05), ("top3", 0.05)):
    print(name, plain[name], three[name])
    assert max(abs(a - b) for a, b in zip(plain[name], three[name])) < tolerance, name
"""


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["norm", "plain"])
def test_three_devices_take_a_last_batch_of_two(
    norm: str, small_archive: Path, tmp_path: Path
) -> None:
    # 50 rows in batches of 16: shares of 5, 5 and 6 rows, and two rows for three at the end.
    command = [sys.executable, "-c", _THREE, str(small_archive), str(tmp_path), norm]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=BOUND_S)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
