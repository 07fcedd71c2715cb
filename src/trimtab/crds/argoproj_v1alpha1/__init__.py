"""Argo CD's resources, argoproj.io/v1alpha1: wire models and their mapping to core values."""

GROUP = "argoproj.io"
VERSION = "v1alpha1"
