"""The metrics there are: names and units of the semantic conventions, and our own below `promptledger.`."""

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
MODEL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864)

# Name → unit, buckets, what it says.
HISTOGRAMS: dict[str, tuple[str, tuple[float, ...], str]] = {
    "http.server.request.duration": ("s", SECONDS, "How long requests took, the warm path's too."),
    "gen_ai.client.operation.duration": ("s", MODEL_SECONDS, "How long models took to answer, or to fail."),
    "gen_ai.client.token.usage": ("{token}", TOKENS, "Tokens in and out of models."),
}
COUNTERS: dict[str, tuple[str, str]] = {
    "promptledger.executions": ("{execution}", "Runs that have their end, by status, provider and mode."),
    "promptledger.cost": ("USD", "What runs cost, where the price is known."),
    "promptledger.moves": ("{version}", "Promotions and rollbacks, by action and stage."),
    "promptledger.gate.refusals": ("{promotion}", "Promotions to PRD that the gate refused, by unmet condition."),
    "promptledger.registrations": ("{prompt}", "Prompts that code registered, by what came of it."),
}
