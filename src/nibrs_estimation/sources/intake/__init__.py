"""Processing of input that all sources share: accounts, faulty and repeated rows, the manifest."""
