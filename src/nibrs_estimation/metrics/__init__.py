"""How runs went: the records of runs as data, and tables and a page that compare them."""
