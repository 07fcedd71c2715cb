"""The field's official engines as worker processes behind a pipe.

``trimtab-engines`` (written in Go) holds Helm, kustomize, Jsonnet, jq, Lua and the YAML library of
Kubernetes. A pool of such processes bounds their memory and time; a worker that crashes or hangs is
replaced, and only the request that did it is refused.
"""

from trimtab.adapters.engines.binary import find_binary
from trimtab.adapters.engines.charts import EngineCharts
from trimtab.adapters.engines.normaliser import EngineNormaliser
from trimtab.adapters.engines.pool import EnginePool
from trimtab.adapters.engines.renderer import EngineRenderer
from trimtab.adapters.engines.scripts import EngineScripts

__all__ = [
    "EngineCharts",
    "EngineNormaliser",
    "EnginePool",
    "EngineRenderer",
    "EngineScripts",
    "find_binary",
]
