"""One sync of an Application: whether, what, in which order, and how it is written."""
