"""Commands that need neither hub nor cluster: files and stdin in, an answer out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from e2e.objects import config, text
from e2e.serving import TRIMTAB, environment


async def trimtab(
    *arguments: str, code: int = 0, stdin: str | None = None
) -> CompletedProcess[str]:
    """Run a command without any kubeconfig and see how it ends."""
    process = await asyncio.create_subprocess_exec(
        TRIMTAB,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), "KUBECONFIG": "/nowhere"},
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate((stdin or "").encode())
    assert process.returncode == code, f"{arguments}: {process.returncode} {out!r} {err!r}"
    assert b"Traceback" not in err
    return CompletedProcess(arguments, code, out.decode(), err.decode())


def in_shop(body: str) -> str:
    """Return an object in namespace shop."""
    found = json.loads(body)
    found["metadata"]["namespace"] = "shop"
    return json.dumps(found)


async def test_version() -> None:
    assert (await trimtab("version")).stdout.startswith("trimtab ")
    assert set(json.loads((await trimtab("version", "-o", "json")).stdout)) == {
        "trimtab",
        "python",
    }
    assert (await trimtab("--version")).stdout.startswith("trimtab ")


@pytest.mark.parametrize(
    ("shell", "mark"), [("bash", "complete "), ("zsh", "#compdef trimtab"), ("fish", "complete ")]
)
async def test_completion_of_a_shell(shell: str, mark: str) -> None:
    assert mark in (await trimtab("completion", shell)).stdout


async def test_render_takes_a_kustomization_a_chart_a_folder_and_stdin(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "one.yaml").write_text(config("one"))
    (plain / "kustomization.yaml").write_text("resources: [one.yaml]\nnamePrefix: my-\n")
    assert (await trimtab("render", str(plain), "-o", "name")).stdout == "ConfigMap my-one\n"
    (plain / "kustomization.yaml").unlink()
    assert (await trimtab("render", str(plain), "-o", "name")).stdout == "ConfigMap one\n"
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    template = config("x").replace('"x"', '"{{ .Release.Name }}-{{ .Values.tier }}"')
    (chart / "templates" / "one.yaml").write_text(template)
    rendered = await trimtab("render", str(chart), "--name", "a", "--set", "tier=b", "-o", "name")
    assert rendered.stdout == "ConfigMap a-b\n"
    read = await trimtab("render", "-", "-o", "json", stdin=config("one"))
    assert [body["metadata"]["name"] for body in json.loads(read.stdout)] == ["one"]
    assert "stdin: document 1" in (await trimtab("render", "-", stdin="a: [", code=3)).stderr
    await trimtab("render", str(tmp_path / "nowhere"), code=5)


async def test_health_is_an_answer() -> None:
    claim = text("PersistentVolumeClaim", "data", status={"phase": "Pending"})
    assert "Progressing" in (await trimtab("health", "-", stdin=claim, code=1)).stdout
    bound = claim.replace("Pending", "Bound")
    assert "Healthy" in (await trimtab("health", "-", stdin=bound)).stdout


async def test_diff_and_plan_read_files_and_stdin(tmp_path: Path) -> None:
    live = tmp_path / "live.yaml"
    live.write_text(in_shop(config("one")))
    desired = in_shop(config("one", "2"))
    found = await trimtab("diff", str(live), "-", stdin=desired, code=1)
    assert found.stdout == "~ ConfigMap shop/one\n    data.value: 1 -> 2\n"
    assert (await trimtab("diff", str(live), str(live))).stdout == ""
    planned = await trimtab("plan", "-", "--live", str(live), stdin=desired)
    assert "1 to update" in planned.stdout
    assert "~ ConfigMap shop/one" in planned.stdout
    homeless = await trimtab("plan", "-", stdin=config("one"), code=3)
    assert "next: --dest-namespace" in homeless.stderr
    await trimtab("plan", "-", "--dest-namespace", "shop", stdin=config("one"))


async def test_lint_finds_what_would_stop_an_application() -> None:
    app = text("Application", "web", "argoproj.io/v1alpha1", spec={"project": "default"})
    found = await trimtab("lint", "-", stdin=app, code=1)
    assert "expected spec.source or spec.sources" in found.stdout
