"""The layers of a quantized network as a Markdown table, which is also what a terminal shows."""

from __future__ import annotations

from typing import Any

_HEAD = [
    "layer",
    "what",
    "position",
    "range in float",
    "codes reach",
    "saturated",
    "SNR",
    "alone",
    "changed",
]


def layers_table(analysis: dict[str, Any], costly: list[dict[str, Any]]) -> str:
    """Return what host.quantizer.layers.analyse_layers found, and the layers that cost most.

    Args:
        analysis: Of the network.
        costly: Layers of it, the worst first.
    """
    rows = [row for layer in analysis["layers"] for row in _rows(layer)]
    noise = _decibels(analysis["output_snr_db"])
    lines = [
        f"{analysis['images']} images. Output against the float network: {noise},"
        f" {analysis['agreement']:.1%} keep their top class.",
    ]
    if analysis["accuracy"] is not None:
        lines.append(
            f"Accuracy on them: float {analysis['float_accuracy']:.2%}, int8 {analysis['accuracy']:.2%}."
        )
    lines += ["", *_table(rows), ""]
    lines.append(
        "SNR: of the tensor against float. alone: of the network's output with this layer alone"
    )
    lines.append("quantized; changed: images whose top class changes by that.")
    worst = ", ".join(
        f"{layer['layer']} ({_decibels(layer['alone']['output_snr_db'])})" for layer in costly
    )
    return "\n".join([*lines, "", f"Costliest layers: {worst}"]) + "\n"


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows)]
    lines = [_HEAD, ["-" * width for width in widths], *rows]
    return ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in lines]


def _rows(layer: dict[str, Any]) -> list[list[str]]:
    rows = []
    for number, (role, place) in enumerate(layer["places"].items()):
        alone = layer["alone"]
        rows.append(
            [
                layer["layer"].replace("|", "\\|") if number == 0 else "",
                role,
                str(place["position"]),
                f"{place['low']:.4g} .. {place['high']:.4g}",
                f"{place['code_low']:.4g} .. {place['code_high']:.4g}",
                f"{place['saturated']:.3%}" if place["saturated"] else "0",
                _decibels(place["snr_db"]),
                _decibels(alone["output_snr_db"]) if number == 0 else "",
                f"{1 - alone['agreement']:.1%}" if number == 0 else "",
            ]
        )
    return rows


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f} dB"
