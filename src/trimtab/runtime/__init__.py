"""Generic controller engine: knows nothing of our domain."""
