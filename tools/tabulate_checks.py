"""Write the tables of docs/reference/conformance-checks.md from the catalogue.

python tools/tabulate_checks.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kakehashi.qkd.conformance.suite import table_of_checks

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "conformance-checks.md"
PLACE = re.compile(r"(<!-- checks -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Write, or say whether the page lags."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = PLACE.sub(lambda found: f"{found[1]}{table_of_checks()}{found[3]}", text)
    if "--check" in sys.argv:
        return 0 if text == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
