"""How the web process reads requests and writes answers: off the threads that make them."""
