"""The one error of this folder: something the user can mend, said in one line."""

from __future__ import annotations


class ImageError(Exception):
    """`<what> must be <rule>, got <value> [in <where>][; <remedy>]`, one line."""
