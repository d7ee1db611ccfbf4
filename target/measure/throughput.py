"""Frames a second with 1..n threads, each with a runner of its own, through the whole path.

A runner that can start jobs without waiting (the DPU's) has several in flight, each with a tensor of its own.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from typing import Any, Callable, Deque, Dict, List, Sequence

import numpy as np

from target.manifest import Manifest
from target.runners.base import Runner
from target.vision.postprocess import make_postprocessor
from target.vision.preprocess import Preprocessor

IN_FLIGHT = 4  # jobs of one asynchronous runner


def measure_throughput(
    make: Callable[[], Runner],
    manifest: Manifest,
    images: Sequence[np.ndarray],
    threads: int,
    seconds: float,
) -> Dict[str, Any]:
    """Run as many frames as possible.

    Args:
        make: Makes a runner; called once a thread.
        manifest: Of the model.
        images: Frames, repeated as often as needed.
        threads: Number of threads and of runners.
        seconds: How long.

    Returns:
        threads, in_flight (jobs of a runner at a time), frames, seconds, fps.
    """
    runners: List[Runner] = []
    try:
        for _ in range(threads):
            runners.append(make())
        return _measure(runners, manifest, images, seconds)
    finally:
        for runner in runners:
            runner.close()


def _measure(
    runners: List[Runner], manifest: Manifest, images: Sequence[np.ndarray], seconds: float
) -> Dict[str, Any]:
    threads = len(runners)
    counts = [0] * threads
    failures: List[Exception] = []
    barrier = threading.Barrier(threads + 1)
    ended = threading.Event()

    def work(place: int) -> None:
        if ended.is_set():
            return
        try:
            with contextlib.closing(_loop(runners[place], manifest, images)) as loop:
                next(loop)  # warm
                barrier.wait()
                while not ended.is_set():
                    next(loop)
                    counts[place] += 1
        except threading.BrokenBarrierError:  # another thread failed, or Ctrl-C
            return
        except Exception as error:
            failures.append(error)
            ended.set()
            barrier.abort()

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    try:
        for worker in workers:
            worker.start()
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait()
        started = time.perf_counter()
        ended.wait(seconds)
    finally:  # also after Ctrl-C: no runner is closed while a thread is inside it
        ended.set()
        barrier.abort()
        for worker in workers:
            if worker.is_alive():  # one that comes to life now sees that it is over
                worker.join()
    elapsed = time.perf_counter() - started
    if failures:
        raise failures[0]
    asynchronous = hasattr(runners[0], "submit")
    return {
        "threads": threads,
        "in_flight": IN_FLIGHT if asynchronous else 1,
        "frames": sum(counts),
        "seconds": round(elapsed, 3),
        "fps": round(sum(counts) / elapsed, 3),
    }


def _loop(runner: Any, manifest: Manifest, images: Sequence[np.ndarray]) -> Any:
    """Yield once for every frame that is done."""
    preprocess = Preprocessor(manifest, runner.input)
    postprocess = make_postprocessor(manifest, runner)
    asynchronous = hasattr(runner, "submit")
    tickets: Deque[Any] = collections.deque()
    tensors = [preprocess.empty() for _ in range(IN_FLIGHT)]
    index = 0
    try:
        while True:
            image = images[index % len(images)]
            index += 1
            if not asynchronous:
                postprocess(runner.infer(preprocess(image)))
                yield
                continue
            tensor = preprocess.fill(preprocess.gray(image), tensors[index % IN_FLIGHT])
            tickets.append(runner.submit(tensor))
            if len(tickets) >= IN_FLIGHT:
                postprocess(runner.collect(tickets.popleft()))
                yield
    finally:  # a job reads its tensor until it was waited for
        while tickets:
            runner.collect(tickets.popleft())


def thread_counts(most: int) -> List[int]:
    """Return the numbers of threads to try: 1, 2, 4 ... and `most`."""
    counts = [1]
    while counts[-1] * 2 < most:
        counts.append(counts[-1] * 2)
    return counts if counts[-1] == most else [*counts, most]
