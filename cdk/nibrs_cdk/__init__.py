"""The pipeline in AWS, as code: one module per stack, put together in `application`."""
