"""How long the DPU would take: an analytic model per layer, fitted to published results. numpy only."""
