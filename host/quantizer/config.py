"""What a quantization is made of; written beside the model it produced."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class QuantConfig:
    """Options of a quantization, defaults as vai_q_tensorflow2's.

    Attributes:
        count: Calibration images, the first of those given.
        batch_size: Images a vote on positions.
        equalize: Cross-layer equalization on or off.
        relu6_to_relu: Turn ReLU layers with max_value 6 into plain ones first.
        match_vai_q: Where AMD's tool has a defect, do as it does (README, "Where we differ").
    """

    count: int = 500
    batch_size: int = 32
    equalize: bool = True
    relu6_to_relu: bool = False
    match_vai_q: bool = False
