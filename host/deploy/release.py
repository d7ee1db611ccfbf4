"""A release: the application, a model, their sha256s; the same files always make the same id.

Made here, checked and put in place on the board (library/asl_release.py); what lies where is in LAYOUT.md.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from host.deploy.wheels import unpack_wheels
from target import files
from target.errors import DataError, ModelError
from target.manifest import NAME as MANIFEST
from target.manifest import Manifest
from target.measure.reference import load_reference

ROOT = Path(__file__).resolve().parents[2]
NAME = "release.json"
ID_DIGITS = 12
# How the service starts it; launch.py fills in what stands in braces.
COMMAND = (
    *("-m", "target", "run", "{input}", "http://{host}:{port}", "--model", "model"),
    *("--loop", "--wait-for-camera", "--quiet", "--health", "{run}/health.sock"),
)
_STAYS = ("float", "int8")  # roles of files that only this machine needs
_REFERENCE = Path("golden/reference.npz")


@dataclasses.dataclass(frozen=True)
class Extras:
    """What a release may carry besides.

    Attributes:
        wheels: Folder of wheels for the board's Python, such as LiteRT's; None for none.
        baselines: Folder that python -m host export made, for the benchmark; None for none.
    """

    wheels: Path | None = None
    baselines: Path | None = None


_NOTHING = Extras()


def write_release(folder: Path, manifest: Manifest, extras: Extras = _NOTHING) -> dict[str, Any]:
    """Write a release into a new folder.

    Args:
        folder: Must not be there yet, or be empty.
        manifest: Of the model; every file is verified.
        extras: What else it carries.

    Returns:
        The content of its release.json.

    Raises:
        DataError: If the folder is not empty, or a wheel or a baseline is not what it must be.
        ModelError: If a file of the model is missing or differs from the manifest.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"folder of a release must be new or empty, got {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    _copy_application(folder / "target")
    _copy_model(folder / "model", manifest)
    if extras.baselines is not None:
        _copy_baselines(folder / "bench", extras.baselines, manifest)
    if extras.wheels is not None:
        unpack_wheels(extras.wheels, folder)
    content = _describe(folder, manifest)
    files.write_json(folder / NAME, content)
    return content


def _copy_application(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.pyc", "*~", "*.orig", "*.rej")
    shutil.copytree(ROOT / "target", folder, ignore=ignored)


def _copy_model(folder: Path, manifest: Manifest) -> None:
    roles = [role for role in manifest.content["files"] if role not in _STAYS]
    for role in ("xmodel", "golden"):
        if role not in roles:
            raise ModelError(
                f"manifest must name a '{role}' file to be deployed, got none in"
                f" {manifest.folder / MANIFEST}; run make compile"
            )
    manifest.verify(*roles)
    names = [Path(manifest.content["files"][role]["path"]) for role in roles]
    if (manifest.folder / _REFERENCE).is_file():
        load_reference(manifest.folder / _REFERENCE, manifest)
        names.append(_REFERENCE)
    for name in [*names, Path(MANIFEST)]:
        _copy(manifest.folder / name, folder / name)


def _copy_baselines(folder: Path, source: Path, manifest: Manifest) -> None:
    if not source.is_dir():
        raise DataError(f"baselines must be a folder, got none at {source}; run make export")
    load_reference(source / "reference.npz", manifest)
    for path in sorted(source.iterdir()):
        if path.suffix in (".npz", ".tflite", ".onnx"):
            _copy(path, folder / path.name)


def _copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, goal)


def _describe(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return release.json: nothing in it depends on when, where or by whom it was made."""
    content: dict[str, Any] = {
        "schema": 1,
        "command": list(COMMAND),
        "model": {
            "name": manifest.name,
            "toolchain": manifest.toolchain,
            "fingerprint": manifest.content["fingerprint"],
            "sha256": manifest.sha256,
        },
        "files": {
            path.relative_to(folder).as_posix(): {
                "sha256": files.sha256_of(path),
                "bytes": path.stat().st_size,
            }
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    words = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return {"id": hashlib.sha256(words).hexdigest()[:ID_DIGITS], **content}


def write_archive(path: Path, manifest: Manifest, extras: Extras = _NOTHING) -> dict[str, Any]:
    """Write a release as a .tar.gz that is the same, byte for byte, for the same files.

    Returns:
        The content of its release.json.

    Raises:
        AppError: As `write_release`.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as made:
        folder = Path(made) / "release"
        content = write_release(folder, manifest, extras)
        packed = io.BytesIO()
        with (
            gzip.GzipFile("", "wb", 9, packed, mtime=0) as squeezed,
            tarfile.open(fileobj=squeezed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for name in [NAME, *content["files"]]:
                info = tarfile.TarInfo(name)
                info.size, info.mode = (folder / name).stat().st_size, 0o644
                with (folder / name).open("rb") as file:
                    archive.addfile(info, file)
        files.write_bytes(path, packed.getvalue())
    return content
