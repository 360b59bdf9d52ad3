"""The engine: it claims executions, walks their graphs and writes what happened in group commits."""
