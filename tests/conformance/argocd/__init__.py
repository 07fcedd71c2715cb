"""Runners for the suites taken from Argo CD: one module a suite, named like its folder."""
