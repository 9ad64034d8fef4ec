"""The owner's folder: everything that makes a shop this shop, found, read and checked."""
