"""What CloudFormation would put in place of references, for the few kinds of resources that the tests need."""

import json
from typing import Any

from tests.conftest import Synthesized

ACCOUNT = "123456789012"  # moto's


class Resolver:
    """Resolve references of an environment's templates to names and ARNs."""

    def __init__(self, variant: Synthesized, security_groups: dict[str, str]) -> None:
        self._templates = {stack: variant.template(stack) for stack in variant.stacks}
        self._region = variant.environment.region
        self._prefix = variant.environment.prefix
        self._security_groups = security_groups

    def resolve(self, value: Any, stack: str) -> Any:
        """The value without references.

        Args:
            value: a part of the template of `stack`.
            stack: name of the stack without the environment's prefix.
        """
        match value:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.resolve(part, stack) for part in parts)
            case {"Fn::ImportValue": name}:
                return self._exported(name)
            case {"Fn::GetAtt": [logical, attribute]}:
                return self._attribute(stack, logical, attribute)
            case {"Ref": "AWS::Partition"}:
                return "aws"
            case {"Ref": logical}:
                return self._attribute(stack, logical, "Ref")
            case dict():
                return {key: self.resolve(item, stack) for key, item in value.items()}
            case list():
                return [self.resolve(item, stack) for item in value]
        return value

    def _exported(self, name: str) -> Any:
        for stack, template in self._templates.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.resolve(output["Value"], stack)
        raise KeyError(name)

    def _attribute(self, stack: str, logical: str, attribute: str) -> str:
        resource = self._templates[stack]["Resources"][logical]
        properties = resource.get("Properties", {})
        regional = f"{self._region}:{ACCOUNT}"
        match resource["Type"], attribute:
            case "AWS::S3::Bucket", "Ref":
                return str(properties["BucketName"])
            case "AWS::S3::Bucket", "Arn":
                return f"arn:aws:s3:::{properties['BucketName']}"
            case "AWS::Logs::LogGroup", "Ref":
                return str(properties["LogGroupName"])
            case "AWS::Logs::LogGroup", "Arn":
                return f"arn:aws:logs:{regional}:log-group:{properties['LogGroupName']}:*"
            case "AWS::IAM::Role", "Arn":
                return f"arn:aws:iam::{ACCOUNT}:role/{logical}"
            case "AWS::SQS::Queue", "QueueName":
                return str(properties["QueueName"])
            case "AWS::SQS::Queue", "Arn":
                return f"arn:aws:sqs:{regional}:{properties['QueueName']}"
            case "AWS::ECS::Cluster", "Arn":
                return f"arn:aws:ecs:{regional}:cluster/{properties['ClusterName']}"
            case "AWS::KMS::Key", "Arn":
                return f"arn:aws:kms:{regional}:key/{logical}"
            case "AWS::SNS::Topic", "Ref":
                return f"arn:aws:sns:{regional}:{properties['TopicName']}"
            case "AWS::EC2::SecurityGroup", "GroupId":
                return self._security_groups[properties["GroupDescription"]]
        raise KeyError(f"{resource['Type']} {attribute} of {json.dumps(resource)[:200]}")
