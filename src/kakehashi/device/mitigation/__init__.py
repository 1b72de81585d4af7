"""Mitigation of errors: values with the unmitigated one, the cost in shots, and an error bar beside them."""
