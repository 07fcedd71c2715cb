"""``trimtab demo``: the main job on real control planes, step by step, with timings.

Only real parts: kube-apiservers, a Git server over smart HTTP whose hook calls a signed webhook,
and ``trimtab serve`` as a process of its own. The demo looks at the clusters through watches of its
own and asks Trimtab nothing that it could see itself.
"""

from trimtab.bootstrap.demo.places import FEWEST_CLUSTERS
from trimtab.bootstrap.demo.result import DemoResult, StepResult
from trimtab.bootstrap.demo.run import DemoOptions, run_demo
from trimtab.bootstrap.demo.step import Reporter
from trimtab.bootstrap.demo.table import TITLES, table_rows

__all__ = [
    "FEWEST_CLUSTERS",
    "TITLES",
    "DemoOptions",
    "DemoResult",
    "Reporter",
    "StepResult",
    "run_demo",
    "table_rows",
]
