"""The bot process: who does what, and when."""
