"""The WSGI door: `granian wsgi:app` (see `app/serve.py`) and `flask --app wsgi`."""

import os
import sys

from app import create_app
from app.environment import COMMAND_LINE
from app.settings import BadSetting
from app.stream.ending import heed

try:
    app = create_app()
except BadSetting as refusal:
    sys.exit(str(refusal))
if os.environ.get(COMMAND_LINE) != "true":
    heed(app)
