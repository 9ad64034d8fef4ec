"""Every page in every state: looked at, and used by everyone."""
