"""A real smart-HTTP Git server around ``git http-backend``, for the demo, benchmarks and tests.

It serves bare repositories below one folder, on loopback, over HTTP or TLS, open or behind basic or
bearer authentication; it counts requests by kind and can be told to be slow or to fail. A
repository's post-receive hook can call a signed webhook. Only the standard library is used, so that
``python -m trimtab.adapters.gitserver`` starts at once.
"""

from trimtab.adapters.gitserver.hook import Webhook
from trimtab.adapters.gitserver.server import GitServer, Tls

__all__ = ["GitServer", "Tls", "Webhook"]
