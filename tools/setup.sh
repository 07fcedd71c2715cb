#!/bin/sh
# Finds a Python that really works and lets it prepare .venv. All output goes to stderr.
# Version managers put commands on PATH that only print an error, so each candidate is run.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
check='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c "$check" >/dev/null 2>&1; then
        exec "$candidate" "$root/tools/setup_environment.py" "$@" >&2
    fi
done
echo "Trimtab needs Python 3.11, 3.12 or 3.13: install one of them, or name it with \`make PYTHON=/path/to/python3.12\`." >&2
exit 1
