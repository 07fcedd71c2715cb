"""Fakes and builders, public for plugin authors. Nothing outside tests imports this package."""
