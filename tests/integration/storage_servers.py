"""A real S3 server (versitygw) with one bucket, on a port of its own choice."""
import os
import pathlib
import socket
import subprocess
import time

from server import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".deps" / "versitygw" / "versitygw"
ACCESS_KEY, SECRET_KEY, BUCKET = "testkey", "test/secret+key", "lake"


class Storage:
    def __init__(self, folder, keep_alive=True):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.keep_alive = ["--keep-alive"] if keep_alive else []  # with it, PyArrow's uploads in parts are now and then refused
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.bucket = self.folder / "root" / BUCKET
        self.bucket.mkdir(parents=True)
        (self.folder / "iam").mkdir()
        self.log = self.folder / "versitygw.log"
        self.start()

    def start(self):
        environment = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY, "PATH": os.environ["PATH"]}
        command = [str(PROGRAM), "--port", f"127.0.0.1:{self.port}", "--region", "us-east-1", "--quiet", *self.keep_alive,
                   "--iam-dir", str(self.folder / "iam"), "posix", str(self.folder / "root")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def settings(self, prefix="wh"):
        """For a server's environment: its warehouse is in this bucket."""
        return {"TOWNLAKE_LAKE_ENABLED": "true", "TOWNLAKE_LAKE_WAREHOUSE": f"s3://{BUCKET}/{prefix}", "TOWNLAKE_LAKE_S3_ENDPOINT": self.endpoint,
                "TOWNLAKE_LAKE_S3_PATH_STYLE": "true", "TOWNLAKE_LAKE_S3_ACCESS_KEY": ACCESS_KEY,
                "TOWNLAKE_LAKE_S3_SECRET_KEY": "env:LAKE_SECRET", "LAKE_SECRET": SECRET_KEY}
