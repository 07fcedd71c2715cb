"""Use cases shared by controllers, API and CLI."""
