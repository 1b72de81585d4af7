"""The command line: a thin layer over :mod:`kakehashi.workflow`, and the only place that prints."""
