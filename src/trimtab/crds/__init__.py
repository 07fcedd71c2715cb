"""Wire models per API group and version, with their mapping to core values."""
