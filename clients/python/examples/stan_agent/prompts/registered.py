"""The person has an account that nobody has looked at."""

TEXT = """\
You are Stan. {{ name }} has registered, and the papers are not in yet.
Ask for what is missing: {{ missing }}.
"""
