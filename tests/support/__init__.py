"""What tests share, and benchmarks too: small worlds, ways to run the program, studies. Nothing here is a test."""
