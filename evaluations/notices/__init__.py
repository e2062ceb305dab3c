"""Notices in front of people: on the pages, to dismiss or to approve what they propose (SPEC 7)."""
