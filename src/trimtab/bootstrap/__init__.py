"""The only place that imports adapters: one function per process role."""
