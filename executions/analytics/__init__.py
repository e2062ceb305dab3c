"""What executions add up to: how many, how many failed, how long, how much. Exact at any size (docs/analytics.md)."""
