"""A run's results as JSON lines and as JUnit XML; people read them in the terminal (`cli.replay`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as ET

from dcrgw.compliance.run import Result, Tally


def as_json(result: Result) -> dict[str, Any]:
    """One result: file, what differs, and both decisions."""
    told: dict[str, Any] = {"file": str(result.found.path)}
    if result.found.imported:
        told["imported"] = True
    if result.found.bundle is not None:
        bundle = result.found.bundle
        told |= {"report_id": bundle.report_id, "operation": bundle.operation, "market": bundle.market.name}
        told |= {"generations": dict(bundle.generations)}
    differs = result.shift
    if differs is None:
        return told | {"fault": result.fault}
    return told | {
        "same": not differs,
        "before": differs.before,
        "after": differs.after,
        "why": differs.why,
        "stored": [{"member": each.member, "before": each.before, "after": each.after} for each in differs.stored],
        "checks": [
            {
                "check": each.check,
                "before": each.before or None,
                "after": each.after or None,
                "description": each.description,
                "detail": each.detail,
            }
            for each in differs.checks
        ],
    }


def as_junit(results: Iterable[Result], tally: Tally) -> str:
    """The run as one JUnit test suite: a changed decision or client is a failure, an unreadable file an error."""
    suite = ET.Element("testsuite", name=f"dcrgw replay {xml_text(tally.rules)}".rstrip(), tests=str(tally.bundles))
    suite.set("failures", str(tally.effects))
    suite.set("errors", str(tally.unreadable))
    for result in results:
        operation = result.found.bundle.operation if result.found.bundle else "bundle"
        named = {"classname": xml_text(f"dcrgw.{operation}"), "name": xml_text(str(result.found.path))}
        case = ET.SubElement(suite, "testcase", named)
        differs = result.shift
        if differs is None:
            ET.SubElement(case, "error", message=xml_text(result.fault))
        elif differs.is_effect:
            failure = ET.SubElement(case, "failure", message=xml_text(differs.sentence))
            failure.text = xml_text("\n".join(differs.lines))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def xml_text(text: str) -> str:
    """The text without what XML 1.0 has no way to write, and what would drive whoever shows it."""
    return "".join(each if each.isprintable() or each in "\n\t" else "?" for each in text)
