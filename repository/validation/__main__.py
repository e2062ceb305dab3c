"""`python -m repository.validation PATH…`: for any CI, without a database and without settings."""

import sys

from repository.validation.program import main

sys.exit(main(sys.argv[1:]))
