"""Measures the service on real servers, in turns with the raw cost of the same rows: `make bench`."""
