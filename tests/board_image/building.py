"""Building card images in tests: the command, and small images of AMD's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from board_image.__main__ import main
from tests.board_image.synthetic import make_image, write_tree

WriteConfig = Callable[[str], Path]


def build(image: Path, out: Path, config: Path, *more: str) -> int:
    return main([str(image), str(out), "--config", str(config), "--quiet", *more])


def small_image(tmp_path: Path, files: dict[str, str | None], **more: object) -> Path:
    write_tree(tmp_path / "tree", files)
    return make_image(tmp_path / "xilinx-zcu104-dpu-v2022.2-v3.0.0.img", tmp_path / "tree", **more)  # type: ignore[arg-type]
