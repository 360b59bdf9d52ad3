"""All SQL: one function a question or a move; nothing here commits."""
