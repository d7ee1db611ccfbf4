"""What cameras are there, with their formats, sizes and rates.

    python3 -m target cameras
    python3 -m target cameras --json

One that cannot be opened is listed with what is wrong.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Optional

from target.camera.network import has_ffmpeg, has_gstreamer
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
    libraries = _libraries()
    result = {"cameras": [dataclasses.asdict(camera) for camera in cameras], **libraries}
    lines = [line for camera in cameras for line in _describe(camera)] or [_NONE]
    words = {True: "this one has it", False: "this one has none", None: "OpenCV is missing"}
    gstreamer, ffmpeg = libraries["gstreamer"], libraries["ffmpeg"]
    lines.append(f"csi:// and gst: need an OpenCV with GStreamer: {words[gstreamer]}")
    either = None if ffmpeg is None else bool(ffmpeg or gstreamer)
    lines.append(f"rtsp:// and http:// need an OpenCV with FFmpeg or GStreamer: {words[either]}")
    print_result(result, as_json, "\n".join(lines))
    return 0


def _libraries() -> Dict[str, Optional[bool]]:
    """Return what OpenCV was built with; None if it is missing."""
    try:
        return {"gstreamer": has_gstreamer(), "ffmpeg": has_ffmpeg()}
    except BackendError:
        return {"gstreamer": None, "ffmpeg": None}


def _describe(camera: Camera) -> List[str]:
    if camera.trouble:
        return [f"{camera.path}  {camera.trouble}"]
    lines = [f"{camera.path}  {camera.name}  ({camera.driver}, {camera.bus})"]
    for mode in camera.modes:
        rates = ", ".join(f"{rate:g}" for rate in mode.fps) or "?"
        lines.append(f"  {mode.code}  {mode.width}x{mode.height}  {rates} fps")
    if not camera.modes:
        lines.append("  its driver names no sizes; try it")
    return lines
