"""Health and metrics."""

from trimtab.api.operations.routes import operations_routes

__all__ = ["operations_routes"]
