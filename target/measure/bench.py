"""The whole benchmark of one runner: accuracy, latency, throughput, energy, and whether to believe it."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from target.manifest import Manifest
from target.measure.accuracy import check_accuracy
from target.measure.clock import INFERENCE
from target.measure.conditions import Machine, describe_conditions, find_disturbances
from target.measure.energy import EnergyCounter, PowerCounter, find_counter, measure_energy
from target.measure.percentiles import quantiles_ms
from target.measure.record import RunFacts, build_record
from target.measure.reference import Reference
from target.measure.single_stream import (
    LEAST_QUERIES,
    LEAST_S,
    BenchConfig,
    SingleStream,
    run_single_stream,
)
from target.measure.throughput import measure_throughput, thread_counts
from target.runners.base import Runner
from target.vision.preprocess import Preprocessor

MakeRunner = Callable[[], Runner]
_log = logging.getLogger(__name__)


def bench(
    make: MakeRunner,
    manifest: Manifest,
    reference: Reference,
    config: BenchConfig,
    root: Path = Path("/"),
) -> Dict[str, Any]:
    """Measure a runner and return its record.

    Args:
        make: Makes the runner; once for latency, once a thread for throughput.
        manifest: Of the model.
        reference: The queries and what is known of them.
        config: How.
        root: Where /proc and /sys are; another one in tests.

    Raises:
        ModelError: If the runner does not give the model's answers; nothing is measured then.
    """
    machine = Machine(root)
    runner = make()
    try:
        accuracy = check_accuracy(runner, manifest, reference)
        before = machine.snapshot()
        stream = run_single_stream(runner, manifest, list(reference.images), config)
        after = machine.snapshot()
        energy = _energy(runner, manifest, reference, (config, root))
        facts = _facts(runner, manifest, stream, config)
    finally:
        runner.close()
    throughput = [
        measure_throughput(make, manifest, list(reference.images), threads, config.throughput_s)
        for threads in (thread_counts(config.threads) if config.threads else [])
    ]
    why = [*_too_little(stream), *find_disturbances(before, after)]
    more = {
        "duration_s": round(stream.seconds, 3),
        "overhead_us": stream.overhead_us,
        "distribution": {
            "stage": INFERENCE,
            "quantiles_ms": quantiles_ms(stream.clock.samples(INFERENCE)),
        },
        "dataset": accuracy["source"],
        "images": accuracy["images"],
        "codes_identical": accuracy["codes_identical"],
        "agreement": accuracy["agreement"],
        "throughput": throughput,
        "energy": energy,
        "conditions": describe_conditions(before, after),
    }
    complete = dataclasses.replace(
        facts,
        accuracy=accuracy["accuracy"],
        energy_mj=energy["mj_per_frame"] if energy else None,
        why=why,
        more=more,
    )
    return build_record(complete, stream.clock.summaries())


def _facts(
    runner: Runner, manifest: Manifest, stream: SingleStream, config: BenchConfig
) -> RunFacts:
    return RunFacts(
        task="bench",
        kind=runner.kind,
        runner=runner.name,
        device=runner.device,
        model_name=manifest.name,
        model_sha256=manifest.sha256,
        frames=stream.queries,
        warmup=config.warmup,
        threads=runner.threads,
        seconds=stream.seconds,
    )


def _too_little(stream: SingleStream) -> List[str]:
    why = []
    if stream.queries < LEAST_QUERIES:
        why.append(f"too few samples: {stream.queries} of {LEAST_QUERIES} queries")
    if stream.seconds < LEAST_S:
        why.append(f"too short: {stream.seconds:.2f} of {LEAST_S:.2f} s")
    return why


def _energy(
    runner: Runner, manifest: Manifest, reference: Reference, how: tuple[BenchConfig, Path]
) -> Dict[str, Any] | None:
    config, root = how
    if not config.energy:
        return None
    counter: Optional[EnergyCounter] = None
    tensor = Preprocessor(manifest, runner.input)(reference.images[0])
    try:
        counter = find_counter(runner.device, root)
        if counter is None:
            return None
        return measure_energy(counter, lambda: runner.infer(tensor))
    except (OSError, ValueError) as error:  # a sensor that fails does not cost the latencies
        _log.warning("energy was not measured: %s", error)
        return None
    finally:
        if isinstance(counter, PowerCounter):
            counter.close()


def describe(record: Dict[str, Any]) -> str:
    """Return a record as lines for a person."""
    stage = record["stages"][INFERENCE]
    if record["runner"] == "null":
        return (
            f"{record['model']['name']:10} {record['runner']:13} the benchmark's own overhead:"
            f" {record['overhead_us']:.2f} us a query outside the stages,"
            f" {stage['p90'] * 1000:.2f} us (p90) inside the inference"
        )
    verdict = "VALID" if record["valid"] else "INVALID"
    accuracy = record["accuracy"]
    lines = [
        f"{record['model']['name']:10} {record['runner']:13} {record['kind']:9}"
        f" p50 {stage['p50']:7.3f}  p90 {stage['p90']:7.3f}  p99 {stage['p99']:7.3f} ms"
        f"  {record['throughput_fps']:7.0f} fps"
        + (f"  accuracy {accuracy:.4f}" if accuracy is not None else "")
        + f"  {verdict}"
    ]
    lines += [f"    {reason}" for reason in record["why"]]
    agreement = record.get("agreement")
    if agreement and agreement["disagreements"]:
        some = [
            f"image {item['image']}: {item['float']} -> {item['runner']}"
            for item in agreement["disagreements"][:5]
        ]
        left = len(agreement["disagreements"]) - len(some)
        lines.append(
            f"    other letter than the float model on {len(agreement['disagreements'])} of"
            f" {agreement['images']} images: {', '.join(some)}"
            + (f" and {left} more" if left else "")
        )
    for run in record.get("throughput") or []:
        jobs = f", {run['in_flight']} jobs in flight each" if run["in_flight"] > 1 else ""
        threads = f"{run['threads']} thread" + ("s" if run["threads"] > 1 else "")
        lines.append(f"    {threads}{jobs}: {run['fps']:,.0f} frames/s")
    if record["energy_mj_per_frame"] is not None:
        energy = record["energy"]
        lines.append(
            f"    {record['energy_mj_per_frame']:.3f} mJ a frame above rest ({energy['sensor']}:"
            f" {energy['idle_w']:.2f} W at rest, {energy['busy_w']:.2f} W at work)"
        )
    return "\n".join(lines)
