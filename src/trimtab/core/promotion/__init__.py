"""Reserved floor of the core: promotion. Nothing is decided here yet."""
