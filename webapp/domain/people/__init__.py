"""Who buys: people, their launches, sessions and limits."""
