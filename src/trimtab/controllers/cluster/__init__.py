"""Argo CD's cluster Secrets: the fleet is what they say."""

from trimtab.controllers.cluster.reconcile import ClusterReconciler

__all__ = ["ClusterReconciler"]
