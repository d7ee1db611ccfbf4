"""Post-training quantization as vai_q_tensorflow2 does it: int8, power-of-two scales. numpy only."""
