"""The methods, with no crime words: keyed random numbers, linearization variance. Imports nothing of ours."""
