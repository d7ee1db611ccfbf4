"""What the board needs to measure baselines beside the DPU: their model files and the reference images.

    python -m host export models/signnet --data data/archive.zip --out build/bench/signnet

Writes float.onnx (ONNX Runtime, OpenCV dnn), float.tflite and int8.tflite (LiteRT), and
reference.npz: the test images, the codes that the DPU must give for each, and what the float model
says. Copy the folder to the board and pass it to python3 -m target bench --baselines.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from host.data.calibration import choose_images
from host.data.load import load_test_samples, load_training_samples
from host.paths import CACHE, DATA
from host.runners.baselines import baseline_file
from host.runners.litert import CALIBRATION_IMAGES
from host.runners.reference import make_reference, save_reference, take
from target import files
from target.command_line import count, make_parser, print_result, start_log
from target.errors import exit_code_of
from target.manifest import load_manifest
from target.runners.table import BASELINES


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    parser = make_parser("python -m host export", __doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("--data", type=Path, default=DATA, help="data set or folder of photos")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--images", type=count, help="so many test images; all if not given")
    parser.add_argument(
        "--reference-only", action="store_true", help="no model files, only reference.npz"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for converted models")
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    files.check_writable(args.out / "reference.npz")
    manifest = load_manifest(args.model)
    test = load_test_samples(args.data, args.cache, manifest.input_size, manifest.max_trim)
    reference = make_reference(test, manifest, args.cache)
    if args.images:
        reference = take(reference, args.images)
    paths = [args.out / "reference.npz"]
    save_reference(reference, manifest, paths[0])
    if not args.reference_only:
        training = load_training_samples(args.data, args.cache)
        calibration = choose_images(training.images, CALIBRATION_IMAGES, 1)
        for name, file in BASELINES.items():
            source = baseline_file(name, manifest, calibration, args.cache)
            path = args.out / file
            if path not in paths:
                files.write_bytes(path, source.read_bytes())
                paths.append(path)
    result = {"files": [str(path) for path in paths], "images": len(reference)}
    print_result(result, args.json, "\n".join(map(str, paths)))
    return 0
