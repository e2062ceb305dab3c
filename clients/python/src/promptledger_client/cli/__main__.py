"""`python -m promptledger_client.cli`, where no script was installed."""

import sys

from promptledger_client.cli import main

sys.exit(main())
