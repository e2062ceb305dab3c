"""An agent with a prompt for each state of the person it speaks to: see `agent`."""
