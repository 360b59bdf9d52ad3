"""Live streams: what a web process tells browsers and programs of executions as they change."""
