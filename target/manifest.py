"""model.json: the one place that says how to use a model. Checked on load, never repeated in code."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from target import files
from target.errors import DataError, ModelError
from target.schema import find_fault, load_schema
from target.text.labels import classes_of_outputs
from target.vision.crop import MAX_TRIM
from target.vision.treatment import Treatment, treatment_of

NAME = "model.json"
SCHEMA_VERSION = 1
RELEASED = Path("models/signnet")


def default_model() -> Path:
    """Return the model that commands take by themselves: a deployed release's own, else the released one."""
    own = Path(__file__).resolve().parents[1] / "model"
    return own if (own / NAME).is_file() else RELEASED


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A model folder and its manifest.

    Attributes:
        folder: Where model.json lies; the paths in it are relative to it.
        content: The whole document, valid by target/schemas/model.schema.json.
    """

    folder: Path
    content: Dict[str, Any]

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.content["name"])

    @property
    def toolchain(self) -> str:
        """`builtin` or `vitis`."""
        return str(self.content["toolchain"]["name"])

    @property
    def input_size(self) -> int:
        """Side of the square input, pixels."""
        return int(self.content["input"]["height"])

    @property
    def input_scale(self) -> float:
        """Real value of one gray level."""
        return float(self.content["input"]["scale"])

    @property
    def input_fix_point(self) -> int:
        """Of the network's input codes."""
        return int(self.content["input"]["fix_point"])

    @property
    def max_trim(self) -> float:
        """Largest share of the side that the crop may give up for a whole multiple of the input."""
        return float(self.content["input"]["crop"]["max_trim"])

    @property
    def treatment(self) -> Treatment:
        """What is done to the gray levels of the crop; none where the manifest says nothing."""
        return treatment_of(self.content["input"].get("treatment"))

    @property
    def output_fix_point(self) -> int:
        """Of the network's output codes."""
        return int(self.content["output"]["fix_point"])

    @property
    def temperature(self) -> float:
        """What scores are divided by before the softmax; 1 where the manifest says nothing."""
        return float(self.content["output"].get("temperature", 1.0))

    @property
    def nothing(self) -> Optional[int]:
        """Index of the output that says there is no letter to read; None where there is none."""
        index = self.content["output"].get("nothing")
        return None if index is None else int(index)

    @property
    def classes(self) -> List[Optional[str]]:
        """One entry per model output: a letter, or None for an output that is never an answer."""
        return list(self.content["output"]["classes"])

    @property
    def xmodel(self) -> Path:
        """Path of the compiled model."""
        return self.file("xmodel")

    @property
    def sha256(self) -> str:
        """Of the compiled model."""
        return str(self.content["files"]["xmodel"]["sha256"])

    def file(self, role: str) -> Path:
        """Return the path of a file by its role: xmodel, float, int8, golden.

        Raises:
            ModelError: If the manifest names no such file.
        """
        if role not in self.content["files"]:
            raise ModelError(
                f"manifest must name a '{role}' file, got {sorted(self.content['files'])}"
                f" in {self.folder / NAME}"
            )
        return self.folder / str(self.content["files"][role]["path"])

    def verify(self, *roles: str) -> None:
        """Check that files exist and have the sha256 of the manifest.

        Args:
            roles: Which files; all that the manifest names if none is given.

        Raises:
            ModelError: With the first file that is missing or differs.
        """
        for role in roles or tuple(self.content["files"]):
            path = self.file(role)
            expected = self.content["files"][role]["sha256"]
            if not path.is_file():
                raise ModelError(f"model file must exist, got none at {path}; run make compile")
            got = files.sha256_of(path)
            if got != expected:
                raise ModelError(
                    f"model file must have sha256 {expected[:16]}..., got {got[:16]}... in {path};"
                    " copy it again or run make compile"
                )


def load_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Args:
        folder: Holds model.json.

    Raises:
        ModelError: If it is missing, not JSON, of another major version, or not valid.
    """
    path = folder / NAME if folder.is_dir() else folder
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"model folder must hold {NAME}, got '{error.strerror}' at {path}; run make compile"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"manifest must be JSON, got '{error}' in {path}; run make compile"
        ) from error
    check_manifest(content, str(path))
    return Manifest(path.parent, content)


class TensorFacts(NamedTuple):
    """What a compiled model says of its input or output: name, dims with batch 1, fix point."""

    name: str
    dims: Tuple[int, ...]
    fix_point: int


def implied_manifest(xmodel: Path, source: TensorFacts, last: TensorFacts) -> Manifest:
    """Return a manifest for a compiled model that comes without one.

    What the file does not say is assumed as Sign Language MNIST has it: gray levels divided by 255,
    outputs in label order with 25 or 26 of them, without J and Z with 24.

    Args:
        xmodel: The file.
        source: Its input.
        last: Its output.

    Raises:
        ModelError: If the input is not one gray square, or the outputs are not the alphabet.
    """
    if len(source.dims) != 4 or source.dims[1] != source.dims[2] or source.dims[3] != 1:
        raise ModelError(
            f"input must be one gray square (1, n, n, 1) without a manifest, got {source.dims} in {xmodel}"
        )
    try:
        classes = classes_of_outputs(last.dims[-1])
    except DataError as error:
        raise ModelError(f"{error} in {xmodel}; put a {NAME} beside it") from error
    content = {
        "name": xmodel.stem,
        "toolchain": {"name": "unknown", "versions": {}},
        "input": {
            "tensor": source.name,
            "height": source.dims[1],
            "scale": 1 / 255,
            "fix_point": source.fix_point,
            "crop": {"rule": "centre-square", "max_trim": MAX_TRIM},
        },
        "output": {"tensor": last.name, "classes": classes, "fix_point": last.fix_point},
        "files": {"xmodel": {"path": xmodel.name, "sha256": files.sha256_of(xmodel)}},
    }
    return Manifest(xmodel.parent, content)


def check_manifest(content: Any, where: str) -> None:
    """Check a manifest's content.

    Raises:
        ModelError: With the first fault.
    """
    version = content.get("schema") if isinstance(content, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise ModelError(
            f"manifest version must be {SCHEMA_VERSION}, got {version} in {where};"
            " use the program version that made it, or run make compile"
        )
    fault = find_fault(content, load_schema("model"))
    if fault:
        raise ModelError(f"{fault} in {where}; run make compile")
    height, width = content["input"]["height"], content["input"]["width"]
    if height != width:
        raise ModelError(f"input must be square, got {height}x{width} in {where}")
    if not math.isfinite(content["input"]["scale"]):
        raise ModelError(f"input.scale must be finite, got {content['input']['scale']} in {where}")
    temperature = content["output"].get("temperature", 1)
    if not math.isfinite(temperature):
        raise ModelError(f"output.temperature must be finite, got {temperature} in {where}")
    treatment_of(content["input"].get("treatment"))
    classes, nothing = content["output"]["classes"], content["output"].get("nothing")
    if nothing is not None and (nothing >= len(classes) or classes[nothing] is not None):
        raise ModelError(
            f"output.nothing must be an output without a letter, got {nothing} in {where}"
        )
    letters = [letter for letter in content["output"]["classes"] if letter is not None]
    if not letters or len(set(letters)) != len(letters):
        raise ModelError(f"output.classes must name each letter once, got {letters} in {where}")
    for role, entry in content["files"].items():
        parts = Path(entry["path"]).parts
        if Path(entry["path"]).is_absolute() or ".." in parts:
            raise ModelError(
                f"path of '{role}' must stay in the model folder, got {entry['path']} in {where}"
            )


def check_name(name: str) -> None:
    """Check that a model's name is one that a manifest takes.

    Raises:
        DataError: If not.
    """
    fault = find_fault(name, load_schema("model")["properties"]["name"], "name of the model")
    if fault:
        raise DataError(f"{fault}; give another --name")
