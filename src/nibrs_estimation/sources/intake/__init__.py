"""What all sources do with what they read: accounts, rows set aside, repeats, the manifest."""
