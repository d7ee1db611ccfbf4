"""A whole training: the loop, and everything that is written about the model it makes."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from host.data.calibration import network_input
from host.data.samples import Samples
from host.quiet import import_keras
from host.report.workshop.page import write_workshop
from host.training.cluster import Cluster
from host.training.confidence import find_temperature, labels_of
from host.training.config import TrainConfig
from target import files
from target.errors import ModelError
from target.text.labels import NOTHING, classes_of_outputs
from target.vision.postprocess import log_probabilities

if TYPE_CHECKING:
    from host.training.checkpoint import Checkpoint
    from host.training.distribute import Distributed
    from host.training.fit import Trained

_BATCH = 512
_PROVENANCE = ("config", "data", "best_epoch", "seconds", "start")
_log = logging.getLogger(__name__)
_NO_LETTER = 0.5  # probability from which there is no letter to read


class Start(NamedTuple):
    """A trained model whose weights are begun with.

    Attributes:
        folder: With float.keras.
        weights: In Keras's order.
    """

    folder: Path
    weights: list[np.ndarray]


def read_start(folder: Path, config: TrainConfig) -> Start:
    """Read a model to begin with.

    Args:
        folder: With float.keras.
        config: Of the network that its weights are for.

    Raises:
        ModelError: If there is no such model, or it is another network.
    """
    from host.graph.keras_file import load_keras_model

    path = folder / "float.keras"
    if not path.is_file():
        raise ModelError(
            f"model to begin with must be a folder with float.keras, got none in {folder};"
            " models/signnet is the released one"
        )
    weights: list[np.ndarray] = load_keras_model(path).get_weights()
    from host.training.build import build_model

    wanted = [one.shape for one in build_model(config).get_weights()]
    if [one.shape for one in weights] != wanted:
        raise ModelError(
            f"model to begin with must be the network {config.network}, got another one in {path}; name its"
            " network with --network (one that --quantization-aware made has none)"
        )
    return Start(folder, weights)


def run_training(
    config: TrainConfig,
    samples: Samples,
    out: Path,
    restart: bool,
    cluster: Cluster | None = None,
    start: Start | None = None,
) -> dict[str, Any]:
    """Train, stage by stage, and write all that describes the result: model, facts, history, workshop page.

    Args:
        config: The run.
        samples: The training part.
        out: Model folder.
        restart: Give up an unfinished training of another configuration.
        cluster: Who trains together, if not this process alone; this is its worker 0.
        start: The model to begin with; None for random weights.

    Returns:
        The content of train.json.
    """
    weights = None if start is None else start.weights
    steps = None if cluster is None else _connect(cluster)
    stages = _train_stages(config, samples, out, restart, (steps, weights))
    trained, samples, checkpoints, before = stages
    held = samples.take(trained.split.validation)
    scores = np.asarray(
        trained.model.predict(
            network_input(held.images, config.treatment), batch_size=_BATCH, verbose=0
        )
    )
    facts = _describe(config, samples, trained, held, scores)
    facts["epochs_before"] = before
    if start is not None:
        facts["start"] = describe_start(start.folder)
    history = {"history": trained.history, "best_epoch": trained.best_epoch}
    known = trained.leaked or (start is not None and not _same_split(facts))
    whose = "rows kept back" if known else "images of photos and signers not trained on"
    page = write_workshop(
        out,
        config.network,
        facts,
        trained.history,
        trained.best_epoch,
        held.images,
        held.labels,
        scores,
        f"validation: {len(held):,} {whose}",
    )
    facts["verdict"] = page["verdict"]
    with contextlib.ExitStack() as stack:
        # Left in reverse: the facts get their name last, when the model they describe is in place.
        for name, content in (("train.json", facts), ("history.json", history)):
            place = stack.enter_context(files.replacing(out / name))
            place.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        trained.model.save(stack.enter_context(files.replacing(out / "float.keras")))
    for checkpoint in checkpoints:
        checkpoint.remove()
    for abandoned in out.glob("checkpoint-*"):  # of a run with more stages that was given up
        shutil.rmtree(abandoned, ignore_errors=True)
    if steps is not None:
        steps.finish()
    return facts


def _train_stages(
    config: TrainConfig,
    samples: Samples,
    out: Path,
    restart: bool,
    begin: tuple[Distributed | None, list[np.ndarray] | None],
) -> tuple[Trained, Samples, list[Checkpoint], int]:
    """Train every stage, each from the best weights of the one before.

    Args:
        config: The run.
        samples: Of all stages.
        out: Model folder.
        restart: Give up an unfinished training of another configuration.
        begin: Who does the steps, and weights to begin with.

    Returns:
        The last stage's training, with the epochs of all stages; its samples; what is kept of unfinished
        stages; how many epochs there were before the last stage.
    """
    import_keras()
    from host.training.checkpoint import Checkpoint
    from host.training.fit import train

    steps, weights = begin
    checkpoints: list[Checkpoint] = []
    history: dict[str, list[float]] = {}
    for number, stage in enumerate(config.stages(), start=1):
        own = samples if stage.mix is None else samples.only(stage.mix)
        checkpoints.append(Checkpoint(out, number))
        trained = train(own, stage, checkpoints[-1], restart, steps, weights)
        weights = trained.model.get_weights()
        before = len(history.get("loss", []))
        history = {name: history.get(name, []) + more for name, more in trained.history.items()}
    whole = trained._replace(history=history, best_epoch=before + trained.best_epoch)
    return whole, own, checkpoints, before


def _same_split(facts: dict[str, Any]) -> bool:
    """Return whether the model begun with kept back the same rows; warn if it may not have."""
    own, before = facts["config"], facts["start"].get("config", {})
    same = all(own[name] == before.get(name) for name in ("seed", "validation")) and set(
        before.get("mix") or ()
    ) <= set(own["mix"] or ())
    if not same:
        _log.warning(
            "the model begun with may have been trained on rows that judge it now: its seed, validation or"
            " sets are others, or not known"
        )
    return same


def describe_start(folder: Path) -> dict[str, Any]:
    """Return what train.json says of a model that was begun with: its sha256, and how it was trained.

    Args:
        folder: With float.keras; without a train.json only the sha256 is known.
    """
    found: dict[str, Any] = {"sha256": files.sha256_of(folder / "float.keras")}
    try:
        trained = json.loads((folder / "train.json").read_text(encoding="utf-8"))
        found.update({name: trained[name] for name in _PROVENANCE if name in trained})
    except (OSError, ValueError, TypeError) as error:
        _log.warning("how %s was trained is not known: %s", folder, error)
    return found


def follow_training(config: TrainConfig, samples: Samples, out: Path, cluster: Cluster) -> None:
    """Do a worker's share of a training that worker 0 leads; nothing is written here.

    Raises:
        BackendError: If a worker is lost, also while worker 0 writes the result.
    """
    steps = _connect(cluster)
    _train_stages(config, samples, out, False, (steps, None))
    steps.finish()


def _connect(cluster: Cluster) -> Distributed:
    from host.training.distribute import connect

    return connect(cluster)


def _describe(
    config: TrainConfig, samples: Samples, trained: Trained, held: Samples, scores: np.ndarray
) -> dict[str, Any]:
    """Return the content of train.json; scores are the probabilities of the validation rows."""
    classes = classes_of_outputs(scores.shape[1])
    logits = log_probabilities(scores)
    right = labels_of(logits, classes) == held.labels
    parts = held.part_names()
    names, places = np.unique(parts, return_inverse=True)
    # Each set counts the same, however many of its images are kept back.
    weights = 1 / np.bincount(places)[places]
    best = trained.best_epoch - 1
    return {
        "network": config.network,
        "config": dataclasses.asdict(config),
        "data": {
            "source": Path(samples.source).name,
            "sha256": samples.sha256,
            "rows_trained": len(trained.split.train),
            "rows_validated": len(trained.split.validation),
            "rows_leaked": trained.leaked,
            "parts": _count_parts(samples),
        },
        "input": {
            "colour": "gray",
            "scale": 1 / 255,
            "treatment": config.treatment.describe(),
        },
        "temperature": find_temperature(logits, held.labels, weights, classes),
        "no_letter": _judge_no_letter(trained, samples, held, scores, config),
        "weights": int(trained.model.count_params()),
        "best_epoch": trained.best_epoch,
        "validation": {
            "accuracy": trained.history["val_accuracy"][best],
            "loss": trained.history["val_loss"][best],
            "parts": {
                Path(str(name)).name: round(float(right[parts == name].mean()), 4) for name in names
            },
        },
        "seconds": round(float(np.sum(trained.history["seconds"])), 1),
    }


def _judge_no_letter(
    trained: Trained, samples: Samples, held: Samples, scores: np.ndarray, config: TrainConfig
) -> dict[str, Any] | None:
    """Return how the output for `no letter` does on images kept back; None if it was not trained."""
    if not len(trained.split.no_letter):
        return None
    empty = network_input(samples.images[trained.split.no_letter], config.treatment)
    seen = np.asarray(trained.model.predict(empty, batch_size=_BATCH, verbose=0))
    letters = np.asarray(scores)[:, NOTHING] >= _NO_LETTER
    return {
        "output": NOTHING,
        "n": len(empty),
        "recognized": round(float((seen[:, NOTHING] >= _NO_LETTER).mean()), 4),
        "letters": len(held),
        "letters_missed": round(float(letters.mean()), 4),
    }


def _count_parts(samples: Samples) -> dict[str, int]:
    names, counts = np.unique(samples.part_names(), return_counts=True)
    return {Path(str(name)).name: int(many) for name, many in zip(names, counts)}
