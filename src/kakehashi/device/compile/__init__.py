"""From a circuit to a twin: layouts and routes that are scored by what the calibration says of them."""
