"""Charts that do not render: the engines are bounded, and a bad chart is not tried for ever."""

from __future__ import annotations

from e2e.bad_input import Delivered, deliver
from e2e.installation import Case

CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
GOOD_TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {size: {{ .Values.size | quote }}}
"""
RECURSION = '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}'
# Doubles a text until nothing holds it.
MEMORY_BOMB = '{{ $s := "x" }}{{ range until 48 }}{{ $s = printf "%s%s" $s $s }}{{ end }}{{ $s }}'
SCHEMA = '{"type": "object", "properties": {"size": {"type": "integer"}}}'


async def _deliver_chart(case: Case) -> Delivered:
    files = {
        "app/Chart.yaml": CHART,
        "app/values.yaml": "size: 1\n",
        "app/templates/web.yaml": GOOD_TEMPLATE,
    }
    return await deliver(case, files)


async def test_a_failing_template_changes_nothing(case: Case) -> None:
    delivered = await _deliver_chart(case)
    template = GOOD_TEMPLATE + '{{ fail "size must be odd" }}'
    sha = await case.commit({"app/templates/web.yaml": template})
    await delivered.refuses("size must be odd", sha)


async def test_values_that_break_the_schema_change_nothing(case: Case) -> None:
    delivered = await _deliver_chart(case)
    sha = await case.commit({"app/values.schema.json": SCHEMA, "app/values.yaml": "size: big\n"})
    await delivered.refuses("size", "integer", sha)


async def test_infinite_recursion_changes_nothing(case: Case) -> None:
    delivered = await _deliver_chart(case)
    sha = await case.commit({"app/templates/more.yaml": RECURSION})
    await delivered.refuses("more.yaml", sha, seconds=90)


async def test_a_memory_bomb_changes_nothing(case: Case) -> None:
    delivered = await _deliver_chart(case)
    sha = await case.commit({"app/templates/more.yaml": MEMORY_BOMB})
    await delivered.refuses(sha, seconds=120)
    # The chart as it was renders again: the engines have recovered.
    sha = await case.commit({"app/templates/more.yaml": None, "app/values.yaml": "size: 3\n"})
    await delivered.app.delivered(sha, seconds=60)
