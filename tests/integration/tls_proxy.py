#!/usr/bin/env python3
"""TLS in front of a server that has none, for tests of clients.

usage: tls_proxy.py DIR TARGET_PORT
Makes a certificate for 127.0.0.1 in DIR (cert.pem, its own authority), prints the port, ends when standard input ends.
"""
import os
import socket
import ssl
import subprocess
import sys
import threading


def make_certificate(folder):
    key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    return key, cert


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, context, port):
    try:
        inner = context.wrap_socket(client, server_side=True)
    except OSError:
        client.close()
        return
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=copy, args=(inner, server), daemon=True).start()
    copy(server, inner)


def main():
    folder, port = sys.argv[1], int(sys.argv[2])
    key, cert = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, context, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


main()
