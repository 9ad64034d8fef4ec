"""What those who run the shop look at."""
