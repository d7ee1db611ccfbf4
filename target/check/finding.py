"""What a check finds, and how it is shown. Standard library only; the workstation's doctor uses it too."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import Any, Dict, List

ERROR, WARNING, NOTE, OK = "error", "warning", "note", "ok"
LEVELS = (ERROR, WARNING, NOTE, OK)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a check says.

    Attributes:
        check: Its name.
        level: `error`: the application will not work, or not rightly; `warning`: something will work
            badly; `note`: worth knowing; `ok`: as it must be.
        what: What was found, one line.
        why: Why it matters; empty for `ok`.
        remedy: The command that mends it, or what to do; empty if there is nothing to do.
    """

    check: str
    level: str
    what: str
    why: str = ""
    remedy: str = ""


def ok(check: str, what: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, OK, what)


def count(findings: List[Finding], level: str) -> int:
    """Return how many findings are of a level."""
    return sum(finding.level == level for finding in findings)


def to_json(findings: List[Finding]) -> Dict[str, Any]:
    """Return what --json prints of findings."""
    return {
        "ok": not count(findings, ERROR),
        "errors": count(findings, ERROR),
        "warnings": count(findings, WARNING),
        "findings": [dataclasses.asdict(finding) for finding in findings],
    }


def describe(findings: List[Finding]) -> str:
    """Return the findings for a person: in the order of the checks, with why and remedy below each."""
    width = max((len(finding.check) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:7}  {finding.check:{width}}  {finding.what}")
        indent = " " * (width + 11)
        for label, text in (("why", finding.why), ("mend", finding.remedy)):
            if text and finding.level != OK:
                start = f"{indent}{label}: "
                lines += textwrap.wrap(
                    text,
                    110,
                    initial_indent=start,
                    subsequent_indent=indent + "      ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
    errors, warnings = count(findings, ERROR), count(findings, WARNING)
    lines.append(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    return "\n".join(lines)
