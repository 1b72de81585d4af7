"""``python -m kakehashi.cli`` is the command ``kakehashi``."""

from kakehashi.cli.start import main

main()
