"""No password stands in a log."""

from __future__ import annotations

import pytest

from target.camera.secrets import without_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://user:hunter2@10.0.0.5:554/live", "rtsp://user:***@10.0.0.5:554/live"),
        ("rtsp://user:p@ss:w0rd@cam/live", "rtsp://user:***@cam/live"),
        ("rtsp://user:12345@cam:554/live", "rtsp://user:***@cam:554/live"),
        ("rtsp://:secret@cam/live", "rtsp://:***@cam/live"),
        ("rtsp://user:se/cret@cam/live", "rtsp://user:***@cam/live"),
        ("http://cam/x.cgi?user=a&pwd=hunter2&fps=5", "http://cam/x.cgi?user=a&pwd=***&fps=5"),
        ("http://cam/x.cgi?loginuse=a&loginpas=h", "http://cam/x.cgi?loginuse=a&loginpas=***"),
        ("http://cam/x?token=abc", "http://cam/x?token=***"),
        (
            "gst:rtspsrc location=rtsp://u:p@cam/1 user-id=u user-pw=geheim ! decodebin",
            "gst:rtspsrc location=rtsp://u:***@cam/1 user-id=u user-pw=*** ! decodebin",
        ),
        ('gst:x user-pw="two words" ! y', "gst:x user-pw=*** ! y"),
        ("error in 'rtsp://u:p@cam/1' and more", "error in 'rtsp://u:***@cam/1' and more"),
        # Nothing to hide: ports, hosts, paths with an @, names like a keyword.
        ("http://10.0.0.5:8080/video.mjpg", "http://10.0.0.5:8080/video.mjpg"),
        ("http://cam:8080/@home/x", "http://cam:8080/@home/x"),
        ("http://cam:8080?a@b", "http://cam:8080?a@b"),
        ("rtsp://user@cam/live", "rtsp://user@cam/live"),
        ("/videos/a:b@c.avi", "/videos/a:b@c.avi"),
        ("http://cam/x?width=640&compression=30", "http://cam/x?width=640&compression=30"),
    ],
)
def test_a_password_is_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert without_password(text) == shown
    assert without_password(shown) == shown
