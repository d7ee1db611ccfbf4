"""What the released models bring along for tests: their own test images and what is known of them."""

from __future__ import annotations

from host.runners.reference import take
from target.manifest import Manifest
from target.measure.reference import Reference, load_reference


def reference_of_released(manifest: Manifest, count: int = 1024) -> Reference:
    """Return images of the model's reference, spread evenly over it."""
    return take(load_reference(manifest.folder / "golden" / "reference.npz", manifest), count)
