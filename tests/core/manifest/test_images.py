"""The container images that an object names."""

from __future__ import annotations

from typing import Any

import pytest

from core.builders import body
from trimtab.core.manifest import images_of

POD = {"initContainers": [{"image": "a:1"}], "containers": [{"image": "b:1"}, {"image": "a:1"}]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(body(), (), id="most objects name none"),
        pytest.param(body("Pod", spec=POD), ("a:1", "b:1"), id="a pod, each image once"),
        pytest.param(
            body("Deployment", api="apps/v1", spec={"template": {"spec": POD}}),
            ("a:1", "b:1"),
            id="a workload",
        ),
        pytest.param(
            body(
                "CronJob",
                api="batch/v1",
                spec={"jobTemplate": {"spec": {"template": {"spec": POD}}}},
            ),
            ("a:1", "b:1"),
            id="a cron job",
        ),
        pytest.param(body("Pod", spec={"containers": [{"image": 3}, "x"]}), (), id="nonsense"),
    ],
)
def test_images(given: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert images_of(given) == expected
