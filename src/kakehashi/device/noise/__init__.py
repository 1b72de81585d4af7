"""From a twin's calibration to the errors in a circuit, and exact references for them."""
