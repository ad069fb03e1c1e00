"""esru: find, build and prove the cheapest stochastic rounding unit for low-bit training."""

__version__ = "0.1.0"
