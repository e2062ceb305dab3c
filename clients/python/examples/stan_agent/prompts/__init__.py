"""One file for each status key, in capitals: `approved.py` is what the agent says in the state APPROVED."""
