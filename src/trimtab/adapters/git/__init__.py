"""Git: bare mirrors, refs by polling or webhook, incremental fetch, no checkout."""

from trimtab.adapters.git.limits import GitLimits
from trimtab.adapters.git.poller import OnChange
from trimtab.adapters.git.source import GitSource
from trimtab.adapters.git.upstream import RefChange

__all__ = ["GitLimits", "GitSource", "OnChange", "RefChange"]
