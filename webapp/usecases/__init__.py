"""Cases in which a transaction and more meet: what an owner decides, and its audit row."""
