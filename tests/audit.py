"""Known weaknesses in what every lock has: ``make audit`` writes docs/audit.json, with its date.

``python -m tests.audit --if-old`` does so where the report is missing, of other locks, or older than 14 days.
Advisories come from https://osv.dev; where they cannot be reached, that is said and nothing is written.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCKS = (
    "requirements.txt",
    "sandbox/requirements.txt",
    "requirements-dev.txt",
    "tests/mutation/requirements.txt",
)
REPORT = ROOT / "docs" / "audit.json"
RECENT = timedelta(days=14)
OSV = "https://api.osv.dev/v1/query"
OPTIONS = ("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off")


class Unreachable(Exception):
    """Nobody could be asked for advisories."""


def audit(lock: str) -> dict[str, Any]:
    """Return how many packages a lock has, and each weakness that is known of one.

    :raise Unreachable: the advisories could not be read
    """
    tool = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv"]
    told = [*tool, "--osv-url", os.environ.get("OSV_URL", OSV), *OPTIONS, "--requirement", str(ROOT / lock)]
    ended = subprocess.run(told, capture_output=True, text=True)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        last = ended.stderr.strip().rpartition("\n")[2]
        raise Unreachable(last.partition(":")[0] or "no reason given") from None
    weaknesses = [
        {"package": f"{one['name']} {one['version']}", "id": known["id"], "fixed in": known["fix_versions"]}
        for one in packages
        for known in one.get("vulns", ())
    ]
    return {"digest": _digest(lock), "packages": len(packages), "weaknesses": weaknesses}


def is_recent(report: Path, now: datetime) -> bool:
    """Tell whether a report is of these locks, and younger than 14 days."""
    try:
        known = json.loads(report.read_text(encoding="utf-8"))
        age = now - datetime.fromisoformat(known["date"])
        return age < RECENT and all(known["locks"][lock]["digest"] == _digest(lock) for lock in LOCKS)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def main(arguments: list[str] | None = None, *, report: Path = REPORT) -> int:
    """Audit every lock, write the report, and return 1 if anything is known."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit")
    parser.add_argument("--if-old", action="store_true", help="only where the last report is 14 days old")
    now = datetime.now(UTC)
    if parser.parse_args(arguments).if_old and is_recent(report, now):
        print("The report of known weaknesses is recent.")
        return 0
    try:
        locks = {lock: audit(lock) for lock in LOCKS}
    except Unreachable as reason:
        print(f"Nothing was audited: the advisories cannot be reached from here ({reason}).")
        return 0
    facts = {"date": now.isoformat(timespec="seconds"), "locks": locks}
    report.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return _say(locks)


def _say(locks: dict[str, dict[str, Any]]) -> int:
    for lock, found in locks.items():
        print(f"{lock}: {found['packages']} packages, {len(found['weaknesses'])} known weaknesses")
        for weakness in found["weaknesses"]:
            fixed = ", ".join(weakness["fixed in"]) or "nothing yet"
            print(f"  {weakness['package']}: {weakness['id']}, fixed in {fixed}")
    return int(any(found["weaknesses"] for found in locks.values()))


def _digest(lock: str) -> str:
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
