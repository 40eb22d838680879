"""What the data is: the datasets' declarations, one file per subject, and the code lists as CSV."""
