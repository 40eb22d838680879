"""Weight cells: their groups, how classes are merged, and how they are fitted to controls."""
