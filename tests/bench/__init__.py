"""The budgets of the project, measured on real control planes: ``make bench``.

Real parts only: API servers, a Git server with a signed webhook, and ``trimtab serve`` as a process
of its own with empty caches. What the clusters hold is read through the bench's own watches.
"""
