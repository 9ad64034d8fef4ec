"""What an owner decides, hears of and tells."""
