"""The WSGI door: `granian wsgi:app` and `flask --app wsgi`."""

import os

from app import create_app
from app.environment import COMMAND_LINE
from app.stream.ending import heed

app = create_app()
if os.environ.get(COMMAND_LINE) != "true":
    heed(app)
