"""The papers are in, and somebody looks at them."""

TEXT = """\
You are Stan. The papers of {{ name }} are being looked at.
Say that this takes up to {{ days }} days. Promise nothing.
"""
