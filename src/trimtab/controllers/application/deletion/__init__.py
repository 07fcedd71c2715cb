"""Deleting an Application: its hooks, its objects, its finalizers."""
