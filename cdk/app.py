"""`cdk synth -c environment=dev` and `cdk deploy -c environment=dev ...`: the stacks of one environment."""

from aws_cdk import App

from environments import ENVIRONMENTS
from nibrs_cdk.application import CONTEXT, add_stacks

app = App(context=CONTEXT)
name = app.node.try_get_context("environment")
if name not in ENVIRONMENTS:
    raise SystemExit(
        f"Say which environment, for example: cdk synth -c environment={next(iter(ENVIRONMENTS))}. "
        f"environments.py has {', '.join(ENVIRONMENTS)}" + (f"; {name} is not among them." if name else ".")
    )
add_stacks(app, ENVIRONMENTS[name])
app.synth()
