"""What the quantizers of older releases cannot do, said before a container starts."""

from __future__ import annotations

from host.vitis.config import RELEASES, VitisConfig
from host.vitis.job import QuantizeOptions
from target.errors import DataError

_NEWER = (
    "2.5"  # the first whose vai_q_tensorflow2 has the strategy pof2s_tqt and convert_relu6_to_relu
)
_NO_TF2 = ("1.3",)  # whose vai_q_tensorflow2 has no choice of a strategy


def check_supported(options: QuantizeOptions, config: VitisConfig) -> None:
    """Check that the release's quantizer has what is asked of it.

    Raises:
        DataError: If not, with what to choose instead.
    """
    if config.flow != "tf2":
        return
    if config.release in _NO_TF2:
        raise DataError(
            f"--release of the TensorFlow 2 flow must be 1.4 or later, got {config.release}; use --flow tf1"
        )
    asked = {"--qat-epochs": options.qat_epochs, "--relu6-to-relu": options.relu6_to_relu}
    old = RELEASES.index(config.release) < RELEASES.index(_NEWER)
    for option, value in asked.items():
        if old and value:
            raise DataError(
                f"{option} needs Vitis AI {_NEWER} or later, got --release {config.release}; leave it out"
            )
