"""PyJWT, measured on request.

Reads lines `sign ALGORITHM COUNT` and `verify ALGORITHM COUNT` and answers each with the nanoseconds that one token took, or
`missing` where PyJWT, or the cryptography that it needs, is not installed. Keys are parsed once, tokens say what those of the
others say.
"""
import sys
import time

ISSUER, AUDIENCE = "https://idp.test", "gateway"
REQUIRED = ["exp", "iat", "sub", "jti"]


def key_pair(algorithm):
    """What signs, and what verifies."""
    if algorithm.startswith("HS"):
        return (b"0123456789abcdef" * 2,) * 2
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    if algorithm == "EdDSA":
        secret = ed25519.Ed25519PrivateKey.generate()
    elif algorithm == "ES256":
        secret = ec.generate_private_key(ec.SECP256R1())
    else:
        secret = rsa.generate_private_key(65537, 2048)
    return secret, secret.public_key()


class Tokens:
    """The work of one algorithm."""

    def __init__(self, algorithm):
        import jwt
        self.jwt, self.algorithm = jwt, algorithm
        self.secret, self.shown = key_pair(algorithm)
        self.token = self.sign(0)

    def sign(self, number):
        now = int(time.time())
        said = {"iss": ISSUER, "sub": f"u-{number:07}", "aud": AUDIENCE, "exp": now + 3600, "iat": now, "jti": f"{number:08}"}
        return self.jwt.encode(said, self.secret, algorithm=self.algorithm)

    def verify(self, _):
        self.jwt.decode(self.token, self.shown, algorithms=[self.algorithm], issuer=ISSUER, audience=AUDIENCE,
                        options={"require": REQUIRED})


def main():
    known = {}
    for line in iter(sys.stdin.readline, ""):
        what, algorithm, count = line.split()
        try:
            if algorithm not in known:
                known[algorithm] = Tokens(algorithm)
        except ImportError:
            print("missing", flush=True)
            continue
        work = getattr(known[algorithm], what)
        start = time.perf_counter()
        for number in range(int(count)):
            work(number)
        print(1e9 * (time.perf_counter() - start) / int(count), flush=True)


if __name__ == "__main__":
    main()
