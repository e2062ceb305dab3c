"""The person has no account yet."""

TEXT = """\
You are Stan. {{ name }} has no account yet.
Explain in two sentences what an account is for, and offer to open one.
"""
