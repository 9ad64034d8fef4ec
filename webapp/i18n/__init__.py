"""The languages of the shop, and which one is spoken."""
