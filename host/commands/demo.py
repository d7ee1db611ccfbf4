"""All of it on a fresh machine: train, quantize, compile, evaluate, stream, measure, report.

    python -m host demo
    python -m host demo --data data/archive.zip

Trains signnet with its quick recipe (at most four minutes), streams frames of known truth through the
emulator, measures the baselines (but one whose rounding gives a hardly trained model other letters) and
writes reports/latest/report.html. Released models in models/ are
evaluated, streamed and measured too. Where there is no archive of Sign Language MNIST, rendered hands take
its place, and the log and the report say so; released models, made for photos, are then left out. Writes
only under build/ and reports/.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from host.commands.bench import DEFAULT_RUNNERS, run_bench
from host.commands.compile import GOLDEN_IMAGES, run_compilation
from host.commands.evaluate import evaluate_model, save_metrics
from host.commands.quantize import run_quantization
from host.commands.training_run import run_training
from host.data.calibration import choose_calibration, choose_images
from host.data.hands.camera import HandsCamera
from host.data.hands.dataset import HELD_OUT, TRAINING, render_samples
from host.data.hands.judge import Readings, add_truth
from host.data.hands.uri import SCHEME, parse_uri
from host.data.load import is_rendered
from host.data.locate import locate
from host.data.mixture import HANDS, NO_SIGN, load_mixture
from host.data.samples import Samples
from host.data.sign_mnist import HOW_TO_GET, SignMnist, load_sign_mnist
from host.data.sign_video import VideoConfig, write_sign_video
from host.graph.from_keras import from_keras
from host.graph.keras_file import load_keras_model
from host.paths import BUILD, CACHE, DATA, RELEASED, REPORTS
from host.quantizer.config import QuantConfig
from host.report.merge import TITLE, merge
from host.report.write import write_report
from host.runners.emulator import EmulatorRunner
from host.runners.litert import CALIBRATION_IMAGES
from host.runners.table import RunnerNeeds
from host.training.config import QUICK_EPOCHS, TrainConfig, recipe
from target import files
from target.app import StreamConfig
from target.camera.base import Source
from target.camera.video_file import VideoFile
from target.command_line import count, make_parser, print_result, start_log
from target.errors import DataError, UnlikeError, exit_code_of
from target.manifest import NAME, Manifest, load_manifest
from target.measure.single_stream import BenchConfig
from target.show.base import Sink
from target.show.video_file import VideoFileSink
from target.stream import describe, run_stream
from target.text.labels import STATIC_LETTERS

NETWORK = "signnet"
RENDERED_IMAGES = 24_000  # of the training set, where there is no archive
HANDS_MODEL_NAME = "signnet-hands"
DURATION_S = 1.0  # of each runner's queries; make bench takes longer
MODEL_NAME = "signnet-quick"  # beside a released signnet in the same report
_log = logging.getLogger(__name__)
# How to open what is streamed, and how to join its truth with what was read.
_Letters = Collection[tuple[int, str]]
_Complete = Callable[[Source, dict[str, Any], _Letters], dict[str, Any]]
_Input = tuple[Callable[[], Source], _Complete]


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host demo", __doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="archive, CSV file or folder")
    parser.add_argument(
        "--build", type=Path, default=BUILD / "demo", help="folder for models and video"
    )
    parser.add_argument("--out", type=Path, default=REPORTS / "latest", help="folder of the report")
    parser.add_argument("--released", type=Path, default=RELEASED, help="folder of released models")
    parser.add_argument("--epochs", type=int, help="other than the quick recipe's")
    parser.add_argument(
        "--queries", type=count, default=BenchConfig.queries, help="of each runner, at least"
    )
    parser.add_argument("--frames", type=count, help="exactly so many queries of each runner")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for parsed data")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    started = time.monotonic()
    data, rendered = _load(args.data, args.cache)
    _log.info("data: %d training and %d test images", len(data.train), len(data.test))
    folder = args.build / (HANDS_MODEL_NAME if rendered else MODEL_NAME)
    config = recipe(NETWORK, quick=True, rendered=rendered)
    if rendered:
        # Of a quarter of the images, so more epochs.
        mix = {HANDS: RENDERED_IMAGES, NO_SIGN: RENDERED_IMAGES // 16}
        config = dataclasses.replace(config, epochs=QUICK_EPOCHS[NETWORK], mix=mix)
    if args.epochs is not None:
        config = dataclasses.replace(config, epochs=args.epochs)
    _build_model(folder, config, data, _training_samples(args, config, data))
    models = [load_manifest(folder)]
    if rendered:
        _log.info("released models read photos; they are left out of a demo on rendered hands")
    else:
        models += _released(args.released)
    input_of = _rendered_input() if rendered else _video_input(args.build, data)
    calibration = choose_images(data.train.images, CALIBRATION_IMAGES, seed=1)
    needs = RunnerNeeds(1, calibration, args.cache)
    records: list[dict[str, Any]] = []
    folders = []
    for manifest in models:
        folders.append(_evaluate(manifest, data, args.build))
        records.append(_stream(manifest, input_of, args.build))
        queries, least_s = (args.frames, 0.0) if args.frames else (args.queries, DURATION_S)
        bench = BenchConfig(queries, least_s, threads=os.cpu_count() or 1, throughput_s=0.5)
        records += _measure(manifest, data.test, bench, needs)
    title = f"{TITLE}, on rendered hands" if rendered else TITLE
    return _report(args, title, records, folders, time.monotonic() - started)


def _load(path: Path, cache: Path) -> tuple[SignMnist, bool]:
    """Return the data set, and whether it is one of rendered hands because there is no other."""
    is_empty = path == DATA and not (path.is_dir() and any(path.iterdir())) and not path.is_file()
    if not is_rendered(path) and not is_empty:
        return load_sign_mnist(locate(path), cache), False
    if is_empty:
        _log.warning("nothing in %s/; %s", path, HOW_TO_GET)
    _log.warning("this demo trains, tests and streams on RENDERED hands, not on photos")
    training = dataclasses.replace(TRAINING, images=RENDERED_IMAGES)
    data = SignMnist(render_samples(training, cache), render_samples(HELD_OUT, cache))
    return data, True


def _training_samples(args: argparse.Namespace, config: TrainConfig, data: SignMnist) -> Samples:
    """Return what the recipe trains on: its mixture, or the data set alone."""
    if config.mix is None:
        return data.train
    return load_mixture(args.data, args.cache, config.mix, config.pool, config.masked).samples


def _build_model(folder: Path, config: TrainConfig, data: SignMnist, training: Samples) -> None:
    if _is_trained(folder, config, training):
        _log.info("train: %s is there, trained by the same recipe on the same data", folder)
    else:
        _log.info("train: %s, %d epochs", config.network, config.epochs)
        run_training(config, training, folder, restart=True)
    graph = from_keras(load_keras_model(folder / "float.keras"))
    images = choose_calibration(
        data.train.images, QuantConfig.count, seed=1, treatment=config.treatment
    )
    facts = {
        "images": Path(data.train.source).name,
        "float_sha256": files.sha256_of(folder / "float.keras"),
    }
    result = run_quantization(graph, images, QuantConfig(), folder, folder.name, facts)
    _log.info("quantize: %d positions in %.2f s", len(result.before), result.seconds)
    compiled = run_compilation(folder, folder, data.test.images[:GOLDEN_IMAGES], seed=1)
    _log.info("compile: %s, subgraphs %s", compiled["xmodel"], compiled["subgraphs"])


def _is_trained(folder: Path, config: TrainConfig, training: Samples) -> bool:
    try:
        facts = json.loads((folder / "train.json").read_text(encoding="utf-8"))
        same = facts["config"] == json.loads(json.dumps(dataclasses.asdict(config)))
        return bool(
            same
            and facts["data"]["sha256"] == training.sha256
            and (folder / "float.keras").is_file()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _released(folder: Path) -> list[Manifest]:
    if not folder.is_dir():
        return []
    return [load_manifest(child) for child in sorted(folder.iterdir()) if (child / NAME).is_file()]


def _evaluate(manifest: Manifest, data: SignMnist, build: Path) -> Path:
    """Evaluate a model; returns the folder that the report reads its facts from."""
    result = evaluate_model(manifest, data.test, with_float=True)
    _log.info(
        "evaluate: %s: float %d, int8 %d of %d right",
        manifest.name,
        result["float_correct"],
        result["int8_correct"],
        result["n"],
    )
    if build in manifest.folder.parents:
        save_metrics(manifest, result)
        return manifest.folder
    # A released model is not written to: its facts of today go into a folder of their own.
    facts = build / "released" / manifest.name
    for name in (NAME, "history.json"):
        if (manifest.folder / name).is_file():
            files.write_bytes(facts / name, (manifest.folder / name).read_bytes())
    save_metrics(Manifest(facts, manifest.content), result)
    return facts


def _video_input(build: Path, data: SignMnist) -> _Input:
    """A video of test images; the letters read are compared with its truth."""
    video = build / "signs.avi"
    truth = write_sign_video(data.test, VideoConfig(STATIC_LETTERS), video)
    _log.info("video: %s, %d frames", video, len(truth))

    def complete(source: Source, record: dict[str, Any], letters: _Letters) -> dict[str, Any]:
        if len(letters) != len(truth):
            raise DataError(f"stream must give all {len(truth)} frames, got {len(letters)}")
        right = sum(letter == truth[index] for index, letter in letters)
        return {**record, "accuracy": round(right / len(truth), 6)}

    return lambda: VideoFile(video), complete


def _rendered_input() -> _Input:
    """A rendered camera, and what it showed."""
    uri = f"{SCHEME}{STATIC_LETTERS}?hold=0.8"

    def complete(source: Source, record: dict[str, Any], letters: _Letters) -> dict[str, Any]:
        assert isinstance(source, HandsCamera)
        return add_truth(source, record, letters)

    return lambda: HandsCamera(parse_uri(uri), uri), complete


def _stream(manifest: Manifest, input_of: _Input, build: Path) -> dict[str, Any]:
    open_input, complete = input_of
    source = open_input()
    runner = EmulatorRunner(manifest)
    output = build / f"letters-{manifest.name}.avi"
    readings = Readings()
    sinks: list[Sink] = [VideoFileSink(output, source.fps)]
    result = run_stream(source, runner, manifest, sinks, StreamConfig(), readings)
    record = complete(source, result.record, readings.letters)
    _log.info("stream: %s -> %s\n%s", source.uri, output, describe(record))
    return record


def _measure(
    manifest: Manifest, test: Samples, bench: BenchConfig, needs: RunnerNeeds
) -> list[dict[str, Any]]:
    """Measure all runners but a baseline that rounds a hardly trained model to other letters."""
    records: list[dict[str, Any]] = []
    for name in _runners():
        try:
            records += run_bench(manifest, test, [name], bench, needs)
        except UnlikeError as error:
            _log.warning("left out: %s", error)
    return records


def _runners() -> list[str]:
    import tensorflow as tf

    gpu = ["keras-gpu"] if tf.config.list_physical_devices("GPU") else []
    return [*DEFAULT_RUNNERS, *gpu]


def _report(
    args: argparse.Namespace,
    title: str,
    records: list[dict[str, Any]],
    folders: list[Path],
    seconds: float,
) -> int:
    path = args.build / "records.json"
    files.write_json(path, {"records": records})
    written = write_report(merge(title, [path], folders), args.out)
    result = {**{kind: str(place) for kind, place in written.items()}, "seconds": round(seconds, 1)}
    text = "\n".join([f"done in {seconds:.0f} s", *(f"  {place}" for place in written.values())])
    print_result(result, args.json, text)
    return 0
