"""Networks of keras.applications by name, without weights: for a latency only shapes count."""

from __future__ import annotations

from typing import Any

from host.quiet import import_keras
from target.errors import ModelError


def application_names() -> list[str]:
    """Return the names in keras.applications."""
    import_keras()
    import keras

    found = vars(keras.applications).items()
    return sorted(name for name, value in found if callable(value) and name[0].isupper())


def build_application(
    name: str, input_hw: tuple[int, int] | None, arguments: dict[str, Any]
) -> Any:
    """Build a network of keras.applications.

    Args:
        name: Such as ResNet50.
        input_hw: Height and width; the application's own if None.
        arguments: Of the application, such as {"alpha": 0.5}.

    Returns:
        A functional keras.Model with fresh weights, or with those that `arguments` asks for.

    Raises:
        ModelError: If there is none of that name, or it refuses size or arguments.
    """
    import_keras()
    import keras

    names = application_names()
    if name not in names:
        raise ModelError(f"Keras application must be one of {', '.join(names)}, got '{name}'")
    options = {"weights": None, **arguments}
    if input_hw is not None:
        options["input_shape"] = (*input_hw, 3)
    try:
        return getattr(keras.applications, name)(**options)
    except Exception as error:  # Keras raises many kinds for sizes and arguments it cannot use
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"size and arguments must be some that {name} takes, got {options}: {reason}"
        ) from error
