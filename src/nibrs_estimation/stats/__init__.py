"""The methods, with no crime words: keyed random numbers, linearisation variance. Imports nothing of ours."""
