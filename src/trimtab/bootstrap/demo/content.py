"""The demo repository's files, and the changes that the steps make to them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from trimtab.bootstrap.demo.applications import child_applications
from trimtab.bootstrap.demo.places import Place

IMAGE = "registry.example/shop/web"
FIRST_TAG = "1.0.0"
KEPT_FLAGS = 2
"""How many feature flags the guard step's commit leaves."""

_TEMPLATE = Path(__file__).with_name("repository")
# One commit changes the whole fleet's image: where each kind of source states it.
_TAG_FILES = ("base/kustomization.yaml", "chart/values.yaml", "plain/deployment.yaml")


def write_content(folder: Path, repository: str, places: Sequence[Place]) -> None:
    """Write everything into an empty working folder.

    Args:
        folder: Where.
        repository: The URL that the Applications name as their source.
        places: The target clusters.
    """
    shutil.copytree(_TEMPLATE, folder, dirs_exist_ok=True)
    apps = folder / "apps"
    apps.mkdir()
    for body in child_applications(repository, places):
        metadata = body["metadata"]
        assert isinstance(metadata, dict)
        text = yaml.safe_dump(body, sort_keys=False)
        (apps / f"{metadata['name']}.yaml").write_text(text)


def set_tag(folder: Path, before: str, after: str) -> None:
    """Change the image tag of the whole fleet."""
    for name in _TAG_FILES:
        path = folder / name
        text = path.read_text()
        assert before in text, f"{name} does not mention {before}"
        path.write_text(text.replace(before, after))


def break_yaml(folder: Path) -> None:
    """Make one of the plain manifests something that is no YAML."""
    path = folder / "plain" / "settings.yaml"
    path.write_text(path.read_text() + "  banner: [half a list\n")


def break_chart(folder: Path) -> None:
    """Make the chart demand a value that nobody gives."""
    path = folder / "chart" / "templates" / "settings.yaml"
    text = '  owner: {{ required "image.owner is required" .Values.image.owner }}\n'
    path.write_text(path.read_text() + text)


def delete_most_flags(folder: Path) -> int:
    """Delete all feature flags but ``KEPT_FLAGS``, and return how many went."""
    doomed = flag_files(folder)[KEPT_FLAGS:]
    for path in doomed:
        path.unlink()
    return len(doomed)


def flag_files(folder: Path) -> list[Path]:
    """Return the feature flags' files, sorted."""
    return sorted((folder / "flags").glob("*.yaml"))
