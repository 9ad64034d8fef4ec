"""What tests share: shops, processes, databases, browsers, and ways to play with them."""
