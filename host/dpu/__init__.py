"""The pure model of the DPU: its array, its integer arithmetic, its time. numpy and the standard library."""
