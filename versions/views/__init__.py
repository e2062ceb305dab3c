"""The pages of prompts and versions: plain functions that fetch, call and render."""
