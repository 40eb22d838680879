"""What the tests here share."""

from tests.support.s3 import s3_bucket, s3_endpoint, s3_settings

__all__ = ["s3_bucket", "s3_endpoint", "s3_settings"]
