"""Orders, charges, refunds and plans: the money."""
