"""What cameras are there, with their formats, sizes and rates.

python3 -m target cameras
python3 -m target cameras --json
"""

from __future__ import annotations

import dataclasses
from typing import List, Optional

from target.camera.network import has_gstreamer
from target.camera.v4l2 import Camera, list_cameras
from target.command_line import make_parser, print_result, start_log
from target.errors import BackendError, exit_code_of

_NONE = (
    "no camera: no /dev/videoN gives pictures; plug one in, or use a video, a folder or rtsp://..."
)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the command."""
    parser = make_parser("python -m target cameras", __doc__)
    args = parser.parse_args(argv)
    start_log(args.quiet)
    return exit_code_of(lambda: _run(args.json))


def _run(as_json: bool) -> int:
    cameras = list_cameras()
    result = {
        "cameras": [dataclasses.asdict(camera) for camera in cameras],
        "gstreamer": _gstreamer(),
    }
    lines = [line for camera in cameras for line in _describe(camera)] or [_NONE]
    lines.append(
        "csi:// and gst: need an OpenCV with GStreamer: "
        + {True: "this one has it", False: "this one has none", None: "OpenCV is missing"}[
            _gstreamer()
        ]
    )
    print_result(result, as_json, "\n".join(lines))
    return 0


def _gstreamer() -> Optional[bool]:
    try:
        return has_gstreamer()
    except BackendError:
        return None


def _describe(camera: Camera) -> List[str]:
    lines = [f"{camera.path}  {camera.name}  ({camera.driver}, {camera.bus})"]
    if camera.trouble:
        return [f"{camera.path}  {camera.trouble}"]
    for mode in camera.modes:
        rates = ", ".join(f"{rate:g}" for rate in mode.fps) or "?"
        lines.append(f"  {mode.code}  {mode.width}x{mode.height}  {rates} fps")
    return lines
