"""A server whose Iceberg REST catalog other engines use: who they are, and what they may."""
import requests

from server import Server

CONFIGURATION = """
auth: {mode: token}
tokens:
  - {user: root, groups: [admin], token: "env:ROOT_TOKEN"}
  - {user: spark, groups: [loaders], token: "env:SPARK_TOKEN"}
  - {user: ann, groups: [analyst], token: "env:ANN_TOKEN"}
  - {user: eye, groups: [readers], token: "env:EYE_TOKEN"}
"""
TOKENS = {"root": "root-token-0123456789abcdef", "spark": "spark-token-0123456789abcdef", "ann": "ann-token-0123456789abcdef",
          "eye": "eye-token-0123456789abcdefgh"}
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "a", "type": "int", "required": False}]}


class Catalog(Server):
    def __init__(self, program, folder, environment=None):
        tokens = {f"{user.upper()}_TOKEN": token for user, token in TOKENS.items()}
        super().__init__(program, folder, CONFIGURATION, environment={"TOWNLAKE_LAKE_ENABLED": "true", **tokens, **(environment or {})})

    def call(self, user, method, path, body=None, **headers):
        headers["Authorization"] = f"Bearer {TOKENS[user]}"
        return requests.request(method, f"{self.url}/iceberg/v1/{path}", json=body, headers=headers, timeout=30)

    def grant(self, group, privileges):
        """On the whole lake."""
        answer = requests.post(f"{self.url}/api/v1/lifeguard/grants", headers={"Authorization": f"Bearer {TOKENS['root']}"}, timeout=30,
                               json={"group": group, "privileges": privileges, "scope": {"source": "lake"}, "duration": "1d", "reason": "test"})
        assert answer.status_code in (200, 201), answer.text
