"""The demo's last word: one row a step."""

from trimtab.bootstrap.demo.result import DemoResult

TITLES = ("STEP", "RESULT", "SECONDS", "WHAT HAPPENED")


def table_rows(result: DemoResult) -> list[tuple[str, str, str, str]]:
    """Return the rows below ``TITLES``."""
    return [
        (step.name, "ok" if step.ok else "Failed", f"{step.seconds:.1f}", step.detail)
        for step in result.steps
    ]
