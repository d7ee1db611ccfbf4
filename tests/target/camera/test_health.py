"""When a camera counts as lost; every moment is given, nothing waits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from target.camera.health import Health, WatchConfig, mark_of, pause_s
from tests.target.camera.fakes import picture

CONFIG = WatchConfig(stall_s=3, same_s=5, open_s=15)


def opened(config: WatchConfig, now_s: float = 0.0) -> Health:
    health = Health(config, now_s)
    health.opened(now_s)
    return health


def test_the_first_attempt_is_at_once_and_each_further_one_after_twice_as_long() -> None:
    config = WatchConfig(back_off_s=0.5, longest_s=10)
    waits = [pause_s(config, losses) for losses in range(8)]
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


@pytest.mark.parametrize("losses", [1024, 100_000, 10**9])
def test_a_camera_that_is_gone_all_night_is_still_tried(losses: int) -> None:
    assert pause_s(WatchConfig(), losses) == 10.0


def test_silence_is_a_loss() -> None:
    health = opened(CONFIG, 100.0)
    assert health.silence(103.0) == ""
    assert health.silence(103.5) == "no frame for 4 s"
    health.hear(1, 103.5)
    assert health.silence(106.5) == "" and health.silence(106.6) == "no frame for 3 s"


def test_opening_has_a_limit_of_its_own() -> None:
    """A stream over a network takes longer to open than a frame may take to come."""
    health = Health(CONFIG, 100.0)
    assert health.silence(115.0) == "" and health.stillness(115.0) == ""
    assert health.silence(115.6) == "not open after 16 s"
    health.opened(112.0)
    assert health.silence(115.0) == "" and health.silence(115.1) == "no frame for 3 s"


def test_garbage_is_named() -> None:
    health = opened(CONFIG)
    health.spoil("nothing")
    assert health.silence(3.1) == "no picture for 3 s, only nothing"
    health.hear(1, 4.0)
    assert health.silence(8.0) == "no frame for 4 s"


def test_the_same_picture_for_long_is_a_loss_but_none_at_all_is_silence() -> None:
    health = opened(CONFIG)
    assert health.stillness(20.0) == ""
    assert health.hear(7, 1.0)
    assert not health.hear(7, 6.0)
    assert health.stillness(6.0) == "" and health.stillness(6.1) == "the same picture for 5 s"
    assert health.hear(8, 6.1)
    assert health.stillness(11.1) == ""


def test_a_covered_lens_is_opened_again_ever_more_rarely() -> None:
    """Opening again does not help there, and each time costs frames."""
    health, now, waits = opened(CONFIG), 0.0, []
    health.hear(7, now)
    for _ in range(4):
        begun = now
        while not health.stillness(now):
            now += 0.5
            health.hear(7, now)
        waits.append(now - begun)
        health.lose(still=True)
        health.begin(now)
        health.opened(now)
        assert not health.hear(7, now)
    assert waits == [5.5, 10.5, 20.5, 40.5]
    assert health.hear(8, now)
    assert health.stillness(now + 5.1)  # it moved: the usual patience again


def test_what_a_camera_gives_after_silence_is_news_even_if_it_is_the_picture_from_before() -> None:
    health = opened(CONFIG)
    health.hear(7, 1.0)
    health.lose(still=False)
    health.begin(5.0)
    health.opened(6.0)
    assert health.hear(7, 6.1)


def test_patience_without_an_end_stays_so() -> None:
    health = opened(WatchConfig(same_s=math.inf))
    health.hear(7, 0.0)
    health.lose(still=True)
    health.opened(0.0)
    health.hear(7, 1.0)
    assert health.stillness(1e9) == ""


def test_earlier_losses_are_forgotten_after_a_while() -> None:
    health = opened(CONFIG)
    assert not health.is_steady(3.0) and health.is_steady(3.1)
    health.begin(10.0)
    assert not health.is_steady(100.0)
    health.opened(20.0)
    assert not health.is_steady(22.0) and health.is_steady(23.1)


def test_a_mark_changes_with_the_picture_and_its_size() -> None:
    noisy = picture(1)
    noisy[8, 8, 2] += 1
    images = [
        picture(1),
        picture(2),
        noisy,
        picture(1, 32, 24),
        picture(1)[:, :, 0],
        picture(1)[:1],
    ]
    assert len({mark_of(image) for image in images}) == len(images)
    assert mark_of(picture(1)) == mark_of(picture(1).copy())
    assert isinstance(mark_of(np.zeros((1, 1), np.uint8)), int)
