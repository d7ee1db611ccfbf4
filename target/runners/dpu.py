"""The DPU through VART: the only file that imports vart.

VART takes the pointer of an array and trusts it: a wrong dtype, a strided or a short array is read
as raw memory or aborts the process. So arrays are int8, C-contiguous, writable and of exactly the
tensor's dims. The caller's own array is what VART reads: nothing is copied on the way in, nor
between two DPU subgraphs. The library is loaded only after the file was checked.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from target.errors import BackendError, ModelError
from target.manifest import Manifest, TensorFacts
from target.runners.base import Staged, TensorSpec, check_tensor
from target.runners.checks import check_specs
from target.runners.cpu_steps import CpuOp, run_op
from target.runners.device import Device, find_device
from target.runners.interpreters import missing_module
from target.runners.jobs import Jobs, Ticket
from target.runners.preflight import MODES, check_plan
from target.runners.xir_file import CpuStep, DpuStep, Plan, read_plan, tensor_facts

JOB_CHAINS = 2  # of an asynchronous runner: the ZCU104's DPU has two cores
_NO_DEVICE = Device("", trouble="not asked")


def load_vart() -> Any:
    """Import vart.

    Raises:
        BackendError: If it is not there for this interpreter; names the one that has it.
    """
    try:
        return importlib.import_module("vart")
    except ImportError as error:
        raise missing_module("vart", error) from error


class DpuRunner(Staged):
    """VART runners on the model's DPU subgraphs, with the CPU's steps between them.

    Args:
        manifest: Of the model.
        mode: VART's: `run` for the DPU, `ref` for AMD's CPU implementation of it.

    Raises:
        BackendError: If vart or xir is missing, the mode is another one, the file holds no DPU
            instructions in mode `run` or those of another DPU.
        ModelError: If the file is not the manifest's, or its tensors are not.
    """

    name = "dpu"
    threads: Optional[int] = 1
    gives_probabilities = False
    promise = "codes"

    def __init__(self, manifest: Manifest, mode: str = "run") -> None:
        if mode not in MODES:
            raise BackendError(f"VART's mode must be one of {', '.join(MODES)}, got '{mode}'")
        manifest.verify("xmodel")
        vart = load_vart()
        self._plan = read_plan(manifest.xmodel)
        device = find_device() if mode == "run" else _NO_DEVICE
        check_plan(self._plan, manifest, mode, device)
        self.kind = "measured" if mode == "run" and not device.is_stand_in else "emulated"
        self.device = _device_name(mode, device)
        self.input, self.output = _spec(self._plan.source), _spec(self._plan.last)
        check_specs(manifest, self.input, self.output)
        self._make: Callable[[], _Chain] = lambda: _Chain(vart, self._plan, mode)
        self._chain: Optional[_Chain] = self._make()
        self._jobs: Optional[Jobs] = None
        self._tensor = np.zeros(self.input.shape, dtype=np.int8)

    def put(self, tensor: np.ndarray) -> None:
        """Take int8 codes of the input's dims; VART reads them where they are."""
        check_tensor(tensor, self.input)
        self._tensor = tensor

    def execute(self) -> None:
        """Run every step on what was put."""
        assert self._chain is not None
        self._chain.run(self._tensor)

    def take(self) -> np.ndarray:
        """Return int8 codes of the output's dims, in the buffer that VART wrote."""
        assert self._chain is not None
        return self._chain.result

    def submit(self, tensor: np.ndarray) -> Ticket:
        """Start a job and return at once; `collect` waits for it.

        While jobs are under way nothing else may be done with the runner.

        Args:
            tensor: Int8 codes of the input's dims, unchanged until `collect`: VART reads them there.
        """
        check_tensor(tensor, self.input)
        if self._jobs is None:
            assert self._chain is not None
            self._jobs = Jobs([self._chain, *(self._make() for _ in range(JOB_CHAINS - 1))])
        return self._jobs.submit(tensor)

    def collect(self, ticket: Ticket) -> np.ndarray:
        """Wait for a submitted job; returns int8 codes of the output's dims, the ticket's own."""
        return ticket.wait()

    def close(self) -> None:
        """Free the VART runners and end their threads."""
        if self._jobs is not None:
            self._jobs.close()
        self._jobs = self._chain = None


def _device_name(mode: str, device: Device) -> str:
    if mode != "run":
        return "AMD's CPU runner through VART"
    return "a stand-in for the DPU" if device.is_stand_in else "DPUCZDX8G through VART"


def _spec(facts: TensorFacts) -> TensorSpec:
    return TensorSpec(facts.name, facts.dims, "int8", 2.0**-facts.fix_point)


class _Chain:
    """One VART runner for each DPU subgraph, buffers for all tensors between, made once.

    Args:
        vart: The module.
        plan: Checked.
        mode: VART's.

    Raises:
        ModelError: If a runner's tensor is not one that the file makes before.
    """

    def __init__(self, vart: Any, plan: Plan, mode: str) -> None:
        self._source = plan.source.name
        self._values: Dict[str, np.ndarray] = dict(plan.constants)
        self._values[self._source] = np.zeros(plan.source.dims, dtype=np.int8)
        self._steps: List[Callable[[], None]] = []
        self._feeds: List[Tuple[List[np.ndarray], int]] = []  # where the caller's array goes
        self._keep = plan  # its graph must outlive the runners
        for step in plan.steps:
            if isinstance(step, DpuStep):
                self._steps.append(self._dpu(vart, step, plan, mode))
            else:
                self._steps.append(self._cpu(step))
        self.result = self._tensor(plan.last, f"output of {plan.path}")

    def run(self, tensor: np.ndarray) -> None:
        """Execute every step on an input that check_tensor has passed."""
        for arrays, place in self._feeds:
            arrays[place] = tensor
        self._values[self._source] = tensor
        for step in self._steps:
            step()

    def _dpu(self, vart: Any, step: DpuStep, plan: Plan, mode: str) -> Callable[[], None]:
        runner = vart.Runner.create_runner(step.subgraph, mode)
        inputs: List[np.ndarray] = []
        for name, facts in _named(runner.get_input_tensors(), step.inputs):
            if name == self._source:
                self._feeds.append((inputs, len(inputs)))
            where = f"input of subgraph '{step.name}' of {plan.path}"
            inputs.append(self._tensor(TensorFacts(name, facts.dims, facts.fix_point), where))
        outputs: List[np.ndarray] = []
        for name, facts in _named(runner.get_output_tensors(), step.outputs):
            outputs.append(np.zeros(facts.dims, dtype=np.int8))
            self._values[name] = outputs[-1]
        execute, wait = runner.execute_async, runner.wait

        def run() -> None:
            status = wait(execute(inputs, outputs))
            if status:
                raise BackendError(
                    f"VART must end a job with 0, got {status} from subgraph '{step.name}'; see python3 -m"
                    " target check"
                )

        return run

    def _tensor(self, facts: TensorFacts, where: str) -> np.ndarray:
        """Return the buffer of a tensor that a step before makes."""
        found = self._values.get(facts.name)
        if found is None or found.shape != facts.dims or found.dtype != np.int8:
            got = "none" if found is None else f"{found.dtype} {found.shape}"
            raise ModelError(
                f"'{facts.name}', {where}, must be int8 {facts.dims} from a step before, got {got};"
                " compile it again"
            )
        return found

    def _cpu(self, step: CpuStep) -> Callable[[], None]:
        """Prepare the ops; each writes where the next DPU subgraph will read."""
        for op in step.ops:  # once with zeros, to know every dtype
            self._values[op.output] = self._checked(op, step)
        values = self._values

        def run() -> None:
            for op in step.ops:
                np.copyto(values[op.output], run_op(op, [values[name] for name in op.inputs]))

        return run

    def _checked(self, op: CpuOp, step: CpuStep) -> np.ndarray:
        try:
            value = run_op(op, [self._values[name] for name in op.inputs])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ModelError(
                f"op '{op.name}' ({op.type}) of subgraph '{step.name}' must have its inputs and"
                f" attributes, got {type(error).__name__} '{error}'; compile it again"
            ) from error
        if value.shape != op.dims:
            raise ModelError(
                f"op '{op.name}' ({op.type}) of subgraph '{step.name}' must make {op.dims},"
                f" got {value.shape}; compile it again"
            )
        return np.array(value, order="C")


def _named(tensors: List[Any], names: Tuple[str, ...]) -> List[Tuple[str, TensorFacts]]:
    """Return a runner's tensors with the names that the file gives them outside the subgraph.

    VART sorts both alike; a runner may call a tensor by its name inside.
    """
    found = [tensor_facts(tensor) for tensor in tensors]
    if len(found) != len(names) or {facts.name for facts in found} == set(names):
        return [(facts.name, facts) for facts in found]
    return list(zip(names, found))
