"""Demo data: four months in the life of a web shop's prompts, played through the legal moves."""
