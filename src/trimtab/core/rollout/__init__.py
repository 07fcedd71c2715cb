"""Reserved floor of the core: rollout. Nothing is decided here yet."""
