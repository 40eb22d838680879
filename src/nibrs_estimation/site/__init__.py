"""The explorer: estimates of runs as a static site that a browser reads, without a program on the server.

The site has the numbers of `nibrs tables show`, with the same digits, labels, flags and reasons.
"""
