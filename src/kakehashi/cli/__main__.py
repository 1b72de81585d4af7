"""``python -m kakehashi.cli`` is the command ``kakehashi``."""

from kakehashi.cli.main import main

main()
