"""Vectors of the systems Trimtab is compatible with, answered by the product's own functions."""
