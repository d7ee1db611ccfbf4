"""A training in stages: other images for the later, weights handed on, and models to begin with."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.__main__ import main
from host.commands.training_options import add_recipe_options, config_of
from host.commands.training_run import describe_start, read_start, run_training
from host.data.mixture import CLEAR_HANDS, HANDS, PHOTOS
from host.data.samples import Samples, join
from host.data.sign_mnist import load_sign_mnist
from host.quiet import import_keras
from host.training.config import Stage, TrainConfig, read_config, recipe
from target import files

import_keras()
import keras  # noqa: E402

from host.training.batches import Batches  # noqa: E402
from host.training.checkpoint import Checkpoint  # noqa: E402

CONFIG = TrainConfig(
    "intro",
    epochs=2,
    batch_size=32,
    learning_rate=1e-2,
    validation="photo:0.3",
    mix={PHOTOS: 96},
    later=(Stage(epochs=1, learning_rate=1e-3, mix={PHOTOS: 32, CLEAR_HANDS: 64}),),
)


@pytest.fixture(scope="module")
def samples(small_archive: Path) -> Samples:
    photos = load_sign_mnist(small_archive).train
    signers = np.arange(len(photos)) % 6
    hands = dataclasses.replace(photos, signers=signers.astype(np.int64))
    return join({PHOTOS: photos, CLEAR_HANDS: hands}, "both")


@dataclasses.dataclass
class _Trained:
    """A training of both stages, and what each of them drew."""

    folder: Path
    facts: dict[str, Any]
    drawn: list[dict[str, int]]


@pytest.fixture(scope="module")
def trained(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> _Trained:
    drawn: list[dict[str, int]] = []
    make = Batches.__init__

    def watched(self: Batches, own: Samples, outputs: int, config: TrainConfig) -> None:
        make(self, own, outputs, config)
        names, counts = np.unique(own.part_names()[self._order], return_counts=True)
        drawn.append(dict(zip(names.tolist(), counts.tolist())))

    folder = tmp_path_factory.mktemp("stages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__init__", watched)
        facts = run_training(CONFIG, samples, folder, restart=False)
    return _Trained(folder, facts, drawn)


def _options(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    parser.set_defaults(
        network="signnet", quick=False, rendered=None, start=None, data=Path("archive.zip")
    )
    parser.set_defaults(quantization_aware=None, seed=None)
    return parser.parse_args(given)


class _Stop(Exception):
    """Ends a training."""


def test_a_later_stage_has_images_epochs_and_a_rate_of_its_own() -> None:
    first, last = CONFIG.stages()
    assert (first.epochs, first.learning_rate, first.mix) == (2, 1e-2, {PHOTOS: 96})
    assert (last.epochs, last.learning_rate) == (1, 1e-3)
    assert last.mix == {PHOTOS: 32, CLEAR_HANDS: 64} and last.validation == first.validation
    assert first.stages() == [first] and last.stages() == [last]
    assert CONFIG.sets() == {PHOTOS: 96, CLEAR_HANDS: 64}
    assert CONFIG.without([CLEAR_HANDS]).stages()[1].mix == {PHOTOS: 32}


def test_signnets_later_stages_are_left_out_where_something_else_is_asked_for() -> None:
    assert config_of(_options()) == recipe("signnet") and len(recipe("signnet").stages()) == 3
    for option in (["--epochs", "2"], ["--mix", "photos=100,hands=100"]):
        assert config_of(_options(*option)).later == ()
    assert recipe("signnet", quick=True).later == ()
    assert recipe("signnet", rendered=True).later == ()


def test_with_a_model_to_begin_with_the_first_stage_is_left_out() -> None:
    args = _options("--learning-rate", "0.001")
    args.start = Path("models/signnet")
    config, stages = config_of(args), recipe("signnet").stages()
    assert config.stages()[0] == dataclasses.replace(stages[1], learning_rate=0.001)
    assert config.stages()[1:] == stages[2:]
    args.network = "tutorial"
    assert config_of(args) == dataclasses.replace(recipe("tutorial"), learning_rate=0.001)


def test_each_stage_draws_its_own_images_and_the_weights_are_handed_on(trained: _Trained) -> None:
    assert trained.drawn == [{PHOTOS: 96}, {PHOTOS: 32, CLEAR_HANDS: 64}]
    history = json.loads((trained.folder / "history.json").read_text())
    assert len(history["history"]["loss"]) == 3 and trained.facts["epochs_before"] == 2
    assert history["best_epoch"] == trained.facts["best_epoch"] == 3
    assert read_config(trained.folder) == CONFIG
    assert set(trained.facts["validation"]["parts"]) == {PHOTOS, CLEAR_HANDS}
    assert not list(trained.folder.glob("checkpoint*"))
    loss = history["history"]["loss"]
    assert loss[2] < loss[0]  # it went on; random weights would begin anew


def test_a_last_stage_without_a_set_is_judged_on_its_own_images(
    samples: Samples, tmp_path: Path
) -> None:
    last = Stage(epochs=1, learning_rate=1e-3, mix={CLEAR_HANDS: 32})
    config = dataclasses.replace(CONFIG, epochs=1, later=(last,))
    facts = run_training(config, samples, tmp_path, restart=False)
    assert set(facts["validation"]["parts"]) == set(facts["data"]["parts"]) == {CLEAR_HANDS}


def test_an_interrupted_later_stage_goes_on_without_the_first(
    samples: Samples, trained: _Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, begun = Checkpoint.save, Batches.select_epoch
    epochs: list[int] = []

    def save(self: Checkpoint, model: Any, progress: Any, identity: Any) -> None:
        if identity["config"]["mix"] != CONFIG.mix:
            raise _Stop
        saved(self, model, progress, identity)

    def select(self: Batches, epoch: int) -> None:
        epochs.append(epoch)
        begun(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save)
        with pytest.raises(_Stop):
            run_training(CONFIG, samples, tmp_path, restart=False)
    monkeypatch.setattr(Batches, "select_epoch", select)
    parts = run_training(CONFIG, samples, tmp_path, restart=False)
    assert epochs == [0, 0, 0]  # each stage's batches are made, one epoch is trained
    assert parts["validation"]["loss"] == pytest.approx(
        trained.facts["validation"]["loss"], rel=2e-3
    )


@pytest.mark.parametrize("seed", [CONFIG.seed, CONFIG.seed + 1])
def test_a_model_begun_with_may_know_the_rows_kept_back(
    seed: int,
    samples: Samples,
    trained: _Trained,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = dataclasses.replace(CONFIG.after_the_first(), seed=seed)
    run_training(config, samples, tmp_path, False, None, read_start(trained.folder, config))
    other = seed != CONFIG.seed
    assert ("may have been trained on rows that judge it now" in caplog.text) is other
    page = (tmp_path / "workshop/page.html").read_text(encoding="utf-8")
    assert ("rows kept back" in page) is other
    assert ("photos and signers not trained on" in page) is not other


def test_what_a_given_up_run_of_more_stages_left_is_removed(
    samples: Samples, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    run_training(dataclasses.replace(CONFIG, epochs=1, later=()), samples, tmp_path, True)
    assert not list(tmp_path.glob("checkpoint*"))


def test_a_model_to_begin_with(samples: Samples, trained: _Trained, tmp_path: Path) -> None:
    still = dataclasses.replace(CONFIG.after_the_first(), learning_rate=1e-9)
    facts = run_training(still, samples, tmp_path, False, None, read_start(trained.folder, still))
    first, then = (
        keras.saving.load_model(folder / "float.keras", compile=False).get_weights()
        for folder in (trained.folder, tmp_path)
    )
    for one, other in zip(first, then):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert facts["start"]["sha256"] == files.sha256_of(trained.folder / "float.keras")
    assert facts["start"]["config"] == json.loads(json.dumps(dataclasses.asdict(CONFIG)))
    assert facts["best_epoch"] == 1
    (trained.folder / "train.json").rename(tmp_path / "elsewhere")
    assert list(describe_start(trained.folder)) == ["sha256"]
    (tmp_path / "elsewhere").rename(trained.folder / "train.json")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--start", "nowhere"], "model to begin with must be a folder with float.keras"),
        (["--start", "models/signnet", "--compare", "intro"], "--start must go with"),
        (["--start", "a", "--quantization-aware", "b"], "--start must go with"),
        (["--start", "a", "--distribute", "mirrored"], "--distribute must go with"),
        # Before the data are looked for, which may take minutes.
        (
            ["--network", "dropout", "--start", "models/signnet", "--data", "nowhere"],
            "model to begin with must be the network dropout",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *options]) == 1
    assert message in capsys.readouterr().err


def test_clear_hands_are_rendered_hands(small_archive: Path) -> None:
    photos = load_sign_mnist(small_archive).train
    joined = join({PHOTOS: photos, HANDS: photos, CLEAR_HANDS: photos}, "all")
    config = dataclasses.replace(CONFIG, mix={PHOTOS: 10, HANDS: 10, CLEAR_HANDS: 10}, later=())
    batches = Batches(joined, 25, config)
    assert (batches._rendered == (joined.part_names() != PHOTOS)).all()
