"""An unfinished training run on disk: after each epoch the model, the best weights and the history.

The state file names the model file of its epoch and is renamed into place last, so that a crash at
any point leaves the state of a whole epoch.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import keras

from target import files
from target.errors import ModelError


@dataclasses.dataclass
class Progress:
    """How far a run is.

    Attributes:
        epoch: Epochs done.
        history: One list per metric, one value per epoch done.
        best_epoch: 1-based epoch of the best validation accuracy (then lowest loss); 0 for none
            yet.
    """

    epoch: int = 0
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    best_epoch: int = 0


class Checkpoint:
    """The folder `checkpoint/` of an output folder; `checkpoint-2/` of a second stage."""

    def __init__(self, out: Path, stage: int = 1) -> None:
        self._folder = out / ("checkpoint" if stage == 1 else f"checkpoint-{stage}")
        self._state = self._folder / "state.json"

    def load(
        self, identity: dict[str, Any], give_up_others: bool
    ) -> tuple[keras.Model, Progress] | None:
        """Return model (with optimizer state) and progress of a run with this identity, or None.

        Args:
            identity: Configuration and data of the run; another identity means another run.
            give_up_others: Remove an unfinished run of another identity instead of refusing.

        Raises:
            ModelError: If there is an unfinished run of another identity.
        """
        if not self._state.is_file():
            return None
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            progress = Progress(**state["progress"])
            same = state["identity"] == identity
            model = keras.saving.load_model(self._model_file(progress.epoch))
            self.load_best(progress)
        except Exception as error:  # Keras raises many kinds for a damaged file
            reason = " ".join(str(error).split())[:120]
            fault = f"unfinished training must be readable, got '{reason}' in {self._folder}"
        else:
            if same:
                return model, progress
            fault = (
                "unfinished training must have the same options and data to be continued, got others"
                f" in {self._state}; use the same options"
            )
        if give_up_others:
            self.remove()
            return None
        raise ModelError(f"{fault}; start anew with --force")

    def load_best(self, progress: Progress) -> list[Any]:
        """Return the weights of the best epoch so far."""
        best = keras.saving.load_model(self._best_file(progress.best_epoch), compile=False)
        return list(best.get_weights())

    def save(self, model: keras.Model, progress: Progress, identity: dict[str, Any]) -> None:
        """Store a finished epoch; an older one is removed afterwards."""
        self._save_model(model, self._model_file(progress.epoch))
        if progress.best_epoch == progress.epoch:
            self._save_model(model, self._best_file(progress.epoch))
        files.write_json(
            self._state, {"identity": identity, "progress": dataclasses.asdict(progress)}
        )
        keep = {self._model_file(progress.epoch), self._best_file(progress.best_epoch), self._state}
        for old in self._folder.iterdir():
            if old not in keep:
                old.unlink()

    def remove(self) -> None:
        """Delete the folder; the run is finished or given up."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _model_file(self, epoch: int) -> Path:
        return self._folder / f"epoch-{epoch:04d}.keras"

    def _best_file(self, epoch: int) -> Path:
        return self._folder / f"best-{epoch:04d}.keras"

    @staticmethod
    def _save_model(model: keras.Model, path: Path) -> None:
        with files.replacing(path) as temporary:
            model.save(temporary)
