"""What the inside needs of the world, as Protocols of two to six methods named by need.

Each port declares the errors that its implementations raise. Adapters implement ports; controllers
and services receive them; only ``bootstrap`` brings the two together.
"""
