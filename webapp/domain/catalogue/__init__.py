"""What is sold, and the files it comes from."""
