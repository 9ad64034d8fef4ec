"""What a page shows: facts of the domain, read together for one person."""
