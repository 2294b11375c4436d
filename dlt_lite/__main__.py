"""`python -m dlt_lite`: hand the command line to the room that reads it."""

from __future__ import annotations

import sys

from dlt_lite.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
