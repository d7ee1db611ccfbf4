"""What train.json, beside a float model, says of the input that the model was trained on."""

from __future__ import annotations

import json
from pathlib import Path

from target.errors import ModelError
from target.vision.treatment import Treatment, treatment_of


def read_treatment(folder: Path) -> Treatment:
    """Return how gray levels are treated before a trained network sees them.

    Args:
        folder: Of the float model; a folder without train.json has a model without treatment.

    Raises:
        ModelError: If train.json cannot be read.
    """
    path = folder / "train.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return treatment_of(facts.get("input", {}).get("treatment"))
    except FileNotFoundError:
        return treatment_of(None)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ModelError(
            f"training facts must be a JSON object, got '{error}' in {path}; run make train"
        ) from error
