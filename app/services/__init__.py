"""One function a transaction that a caller may ask for."""
