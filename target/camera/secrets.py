"""What of a URI or a pipeline may stand in a log."""

from __future__ import annotations

import re

# user:password@ up to the last @; a port and a path may look like it, and are left.
_USER = re.compile(r"(//[^/@:\s]*):(?!\d{1,5}(?:[/?#\s]|$))\S*@")
# password=..., loginpas=..., user-pw=..., token=... of a query or of a pipeline's element
_NAMED = re.compile(
    r"((?:^|[?&;\s])[\w.-]*(?:pas|pw|token|secret|auth|key)[\w.-]*=)(\"[^\"]*\"|[^&;\s]+)",
    re.IGNORECASE,
)


def without_password(text: str) -> str:
    """Return a URI, a pipeline or a message about one as it may stand in a log."""
    return _NAMED.sub(r"\1***", _USER.sub(r"\1:***@", text))
