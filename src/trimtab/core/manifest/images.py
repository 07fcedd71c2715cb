"""The container images that an object names."""

from collections.abc import Iterable

from trimtab.core import JsonObject
from trimtab.core.manifest.metadata import as_list, as_object, field_at

_POD_SPECS = (
    ("spec",),
    ("spec", "template", "spec"),
    ("spec", "jobTemplate", "spec", "template", "spec"),
)


def images_of(body: JsonObject) -> tuple[str, ...]:
    """Return the images of a pod, or of the pods that a workload makes, sorted, each once."""
    return tuple(sorted(set(_images(body)))) if body.get("spec") else ()


def _images(body: JsonObject) -> Iterable[str]:
    for path in _POD_SPECS:
        pod = as_object(field_at(body, *path))
        for name in ("initContainers", "containers"):
            for container in as_list(pod.get(name)):
                image = as_object(container).get("image")
                if isinstance(image, str):
                    yield image
