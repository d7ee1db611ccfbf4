"""A prediction as JSON, always with its kind and the error of the model beside the numbers."""

from __future__ import annotations

from typing import Any

from host.dpu.latency.advice import advise
from host.dpu.latency.predict import LayerTime, Prediction

PEAK_OPS_PER_CYCLE = 4096


def describe_prediction(prediction: Prediction, error: dict[str, Any]) -> dict[str, Any]:
    """Return everything about a prediction.

    Args:
        prediction: Of a network.
        error: Of the fit of its parameters.

    Returns:
        kind, network, board, release, clock_mhz, dpu_ms, host_ms, latency_1_thread_ms,
        fps_1_thread, fps_multi_thread, python_vart_ms, bound_by, shares, macs, weights,
        weight_bytes, cpu_ops, layers, faster, model_error.
    """
    return {
        **summarize_prediction(prediction, error),
        "layers": [_describe_layer(time) for time in prediction.layers],
        "faster": [
            {"change": item.text, "saves_ms": _ms(item.saves_ms)} for item in advise(prediction)
        ],
    }


def summarize_prediction(prediction: Prediction, error: dict[str, Any]) -> dict[str, Any]:
    """Return a prediction without its layers, as a manifest keeps it."""
    workload, shares = prediction.workload, prediction.shares()
    return {
        "kind": "predicted",
        "network": workload.name,
        "board": prediction.board.name,
        "release": prediction.release.name,
        "isa": prediction.release.isa,
        "cores": prediction.board.cores,
        "clock_mhz": prediction.clock_mhz,
        "dpu_ms": _ms(prediction.dpu_ms),
        "host_ms": _ms(prediction.host_ms),
        "latency_1_thread_ms": _ms(prediction.latency_ms),
        "fps_1_thread": round(1000 / prediction.latency_ms, 2),
        "fps_multi_thread": round(prediction.fps_multi_thread, 2),
        "python_vart_ms": _ms(prediction.python_ms),
        "bound_by": next(iter(shares)),
        "shares": {name: round(share, 4) for name, share in shares.items()},
        "macs": workload.macs,
        "weights": workload.parameters,
        "weight_bytes": sum(layer.weight_bytes for layer in workload.layers),
        "dpu_subgraphs": workload.subgraphs,
        "cpu_ops": sorted(set(workload.cpu_ops)),
        "model_error": model_error(error),
    }


def model_error(error: dict[str, Any]) -> dict[str, Any]:
    """Return the errors that a reader of a prediction must see."""
    return {
        "one_thread": error["one_thread"]["left_out"],
        "one_thread_fitted": error["one_thread"]["fitted"],
        "one_thread_other_networks": error.get("one_thread_other_networks"),
        "one_thread_zcu102": error.get("one_thread_zcu102"),
        "multi_thread": error["multi_thread"],
        "small_networks": error["small_networks"],
        "protocol": "relative error against published results; each network predicted by a fit without it",
        "source": error["source"],
        "networks": error["networks"],
    }


def error_sentence(error: dict[str, Any], board: str) -> str:
    """Return the errors of `model_error` in one sentence.

    Args:
        error: As `model_error` returns it.
        board: Of BOARDS; the ZCU102, whose rows were never fitted, has errors of its own.
    """
    own = error["one_thread_zcu102"] if board == "zcu102" else None
    one, other = own or error["one_thread"], error["one_thread_other_networks"]
    scope = "on the ZCU102" if own else "for networks of keras.applications"
    text = (
        f"Predicted, not measured: off published latencies by {one['median']:.1%} in the median and"
        f" {one['p90']:.1%} at the 90th percentile {scope} ({one['rows']} rows, each network left out of"
        " the fit in turn)"
    )
    if other and not own:
        text += (
            f", by {other['median']:.1%} and {other['p90']:.1%} for others ({other['rows']} rows)"
        )
    many = error["multi_thread"]
    if many:
        text += f"; throughput of all threads by {many['median']:.0%} and {many['p90']:.0%}"
    small = error["small_networks"]
    if small:
        text += f"; small networks by {small['median']:.0%} and at most {small['max']:.0%}"
    return text + "."


def _describe_layer(time: LayerTime) -> dict[str, Any]:
    layer = time.layer
    return {
        "name": layer.name,
        "types": list(layer.types),
        "shape": list(layer.shape),
        "macs": layer.macs,
        "array_cycles": layer.array_cycles,
        "alu_cycles": layer.alu_cycles,
        "weight_bytes": layer.weight_bytes,
        "map_bytes": layer.map_bytes,
        "moved_bytes": round(time.moved_bytes),
        "maps": "on-chip" if layer.on_chip else "ddr",
        "channel_augmentation": layer.augmented,
        "compute_ms": _ms(time.compute_ms),
        "weights_ms": _ms(time.weights_ms),
        "maps_ms": _ms(time.maps_ms),
        "overhead_ms": _ms(time.overhead_ms),
        "total_ms": _ms(time.total_ms),
        "bound_by": time.bound_by,
        "ops_per_byte": round(2 * layer.macs / time.moved_bytes, 3) if time.moved_bytes else 0.0,
        "gops": round(2 * layer.macs / time.total_ms / 1e6, 3),
    }


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
