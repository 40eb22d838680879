"""Which stages make a flow: the one place that knows them all."""
