"""``python -m conformance``: run all suites, print the table, write build/conformance.json.

Exit codes: 0 as known, 1 a case outside known.json did not pass, 3 no cases were found. With suite
paths as arguments only those are shown in detail (``-v`` shows why each case did not pass).
"""

import json
import sys

from conformance.cases import ROOT, vectors_folder
from conformance.framework import KNOWN, Report, format_table, load_ids, run_all


def main(arguments: list[str]) -> int:
    """Run the suites and return the exit code."""
    output = ROOT / "build" / "conformance.json"
    output.unlink(missing_ok=True)
    folder = vectors_folder()
    reports = run_all(folder)
    if not any(report.total for report in reports.values()):
        print(f"No cases found below {folder}; set TRIMTAB_CONFORMANCE.", file=sys.stderr)
        return 3
    print(format_table(reports))
    output.parent.mkdir(parents=True, exist_ok=True)
    body = {name: report.as_json() for name, report in reports.items()}
    output.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
    verbose = "-v" in arguments
    wanted = {argument for argument in arguments if not argument.startswith("-")}
    return _report_unexpected(reports, verbose=verbose, wanted=wanted)


def _report_unexpected(reports: dict[str, Report], *, verbose: bool, wanted: set[str]) -> int:
    known = load_ids(KNOWN)
    code = 0
    for name, report in reports.items():
        listed = known.get(name, [])
        unexpected = report.unexpected(listed)
        shown = report.unexpected([]) if verbose and name in wanted else unexpected
        for case_id in shown:
            print(f"{name} {case_id}: {report.details[case_id]}", file=sys.stderr)
        stale = sorted(set(listed) & set(report.passed))
        if stale:
            print(f"{name}: passes now, take off known.json: {', '.join(stale)}", file=sys.stderr)
        code = 1 if unexpected else code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
