"""Trimtab: GitOps for Kubernetes fleets. Git is the only hand on the helm."""

__version__ = "0.1.0"
