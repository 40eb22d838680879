"""How agencies stand for others: rules that stages share, in the words of crime statistics, without tasks."""
