"""Reserved floor of the core: fleet. Nothing is decided here yet."""
