"""Which workers train together: TF_CONFIG, read and checked, and the wait until all of them answer.

Imports neither TensorFlow nor Keras, so that a fault is found before either is loaded.
Source: tensorflow.org/guide/distributed_training, "Setting up the TF_CONFIG environment variable".
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import socket
import time
from typing import Any

from target.errors import BackendError, DataError

MIRRORED, MULTI_WORKER = STRATEGIES = ("mirrored", "multi-worker")
START_S = 600.0  # a worker may load data that another one has in its cache
_EVERY_S = 0.5
_EXAMPLE = (
    'set it on every worker, as in {"cluster": {"worker": ["host1:2222", "host2:2222"]},'
    ' "task": {"type": "worker", "index": 0}}'
)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of one training.

    Attributes:
        strategy: A name of STRATEGIES.
        addresses: host:port of each worker, in order; none if there is only this machine.
        rank: Place of this worker among them; 0 is the chief, which validates and writes.
    """

    strategy: str
    addresses: tuple[str, ...] = ()
    rank: int = 0


def read_cluster(strategy: str, tf_config: str | None) -> Cluster:
    """Return who trains together.

    Args:
        strategy: A name of STRATEGIES.
        tf_config: Content of the environment variable TF_CONFIG; only multi-worker wants it. A `chief` is
            counted as the first worker.

    Raises:
        DataError: If the strategy is unknown, or TF_CONFIG is not what TensorFlow wants.
    """
    if strategy not in STRATEGIES:
        raise DataError(f"--distribute must be one of {', '.join(STRATEGIES)}, got '{strategy}'")
    if strategy == MIRRORED:
        return Cluster(strategy)
    try:
        config = json.loads(tf_config or "")
    except ValueError:
        raise _fault("be JSON", repr(tf_config[:80]) if tf_config else "none") from None
    cluster = config.get("cluster") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not cluster:
        raise _fault("have a cluster of workers", "none")
    jobs = {name: _addresses(name, listed) for name, listed in cluster.items()}
    if not set(jobs) <= {"chief", "worker"} or len(jobs.get("chief", ())) > 1:
        raise _fault("have workers, and one chief at most", f"{cluster}")
    addresses = jobs.get("chief", ()) + jobs.get("worker", ())
    if len(set(addresses)) < len(addresses):
        raise _fault("have every address once", ", ".join(addresses))
    task = config.get("task")
    kind = task.get("type") if isinstance(task, dict) else None
    index = task.get("index") if isinstance(task, dict) else None
    if kind not in jobs or type(index) is not int:
        raise _fault("have a task of the cluster with a type and an index", f"{task}")
    if not 0 <= index < len(jobs[kind]):
        raise _fault(f"have a task index of 0 to {len(jobs[kind]) - 1}", f"{index}")
    behind = len(jobs.get("chief", ())) if kind == "worker" else 0
    return Cluster(strategy, addresses, behind + index)


def _addresses(job: str, listed: Any) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed:
        raise _fault(f"list the addresses of job {job}", f"{listed}")
    for address in listed:
        host, _, port = str(address).rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise _fault("have addresses host:port", f"'{address}'")
    return tuple(str(address) for address in listed)


def _fault(rule: str, got: str) -> DataError:
    return DataError(f"TF_CONFIG must {rule}, got {got}; {_EXAMPLE}")


def wait_for_peers(cluster: Cluster, patience_s: float = START_S) -> None:
    """Wait until every other worker listens at its port, as this one does meanwhile.

    TensorFlow's own wait has no end where a worker is missing: its chief stays in a C call that neither a
    timeout nor a signal ends.

    Raises:
        BackendError: If this worker's port is taken, or a worker is not there after `patience_s`.
    """
    missing = [a for rank, a in enumerate(cluster.addresses) if rank != cluster.rank]
    if not missing:
        return
    own = cluster.addresses[cluster.rank]
    _log.info("waiting up to %.0f s for %s", patience_s, ", ".join(missing))
    end = time.monotonic() + patience_s
    reason = "no answer"
    with _listening(own):
        while missing:
            try:
                with socket.create_connection(_split(missing[0]), timeout=5):
                    missing.pop(0)
                    continue
            except OSError as error:
                reason = error.strerror or str(error)
            if time.monotonic() > end:
                raise BackendError(
                    f"every worker must answer within {patience_s:.0f} s, got '{reason}' from"
                    f" {', '.join(missing)}; start the same command on every worker, and check TF_CONFIG"
                    " and firewalls"
                )
            time.sleep(_EVERY_S)


def _listening(address: str) -> contextlib.closing[socket.socket]:
    """Return a socket that peers can connect to, on the port that TensorFlow takes afterwards."""
    _, port = _split(address)
    try:
        return contextlib.closing(socket.create_server(("", port), backlog=128))
    except OSError as error:
        raise BackendError(
            f"port of this worker must be free, got '{error.strerror}' for {address};"
            " end the program that has it, or change TF_CONFIG on every worker"
        ) from error


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
