"""Makes this folder: keys for the examples, tokens by them, good and bad, and how each is to be judged.

The keys are known to everybody who reads this project: they protect nothing, and must never be used. Tokens are made with PyJWT, so
that what the examples read was not written by what reads it.
"""
import base64
import hashlib
import hmac
import json
import pathlib

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

HERE = pathlib.Path(__file__).parent
ISSUER, AUDIENCE = "https://idp.example", "gateway"
ISSUED, FOREVER = 1_767_225_600, 4_102_444_800      # the starts of 2026 and of 2100
SECRET = b"a secret that everybody knows, of 32 bytes and more"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value):
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def public_jwk(kid, algorithm, secret):
    shown = secret.public_key()
    if algorithm == "EdDSA":
        raw = shown.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        parts = {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}
    elif algorithm == "ES256":
        point = shown.public_numbers()
        parts = {"kty": "EC", "crv": "P-256", "x": encoded(point.x.to_bytes(32, "big")), "y": encoded(point.y.to_bytes(32, "big"))}
    else:
        numbers = shown.public_numbers()
        parts = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
    return {**parts, "kid": kid, "alg": algorithm, "use": "sig"}


def pem(secret):
    return b"Everybody knows this key: it is for examples, and protects nothing.\n" + secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def claims(n, **more):
    said = {"iss": ISSUER, "sub": f"user-{n:04}", "aud": AUDIENCE, "exp": FOREVER, "iat": ISSUED, "jti": f"{n:08}", **more}
    return {name: value for name, value in said.items() if value is not None}


def forged(header, payload, signature=b"\0" * 64):
    return ".".join([encoded(json.dumps(header, separators=(",", ":")).encode()), encoded(payload), encoded(signature)])


def main():
    ed = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"everybody knows this key").digest())
    p256 = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"and this one").digest(), "big") >> 1, ec.SECP256R1())
    rsas = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    stranger = ed25519.Ed25519PrivateKey.generate()
    keys = [("ed", "EdDSA", ed), ("p256", "ES256", p256), ("rsa", "RS256", rsas[0]), ("pss", "PS256", rsas[1])]
    (HERE / "keys.jwks").write_text(json.dumps({"keys": [public_jwk(*key) for key in keys]}, indent=1) + "\n")
    (HERE / "ed25519.pem").write_bytes(pem(ed))
    (HERE / "p256.pem").write_bytes(pem(p256))
    (HERE / "secret").write_bytes(SECRET)

    rows = []

    def row(expected, token):
        rows.append((expected, token))

    def token(n, key=keys[0], headers=None, **more):
        kid, algorithm, secret = key
        return jwt.encode(claims(n, **more), secret, algorithm=algorithm, headers={"kid": kid, **(headers or {})})

    for n in range(200):
        row("good", token(n, keys[n % 4]))
    for n, key in enumerate(keys, 200):
        row("good", token(n, key, aud=["billing", AUDIENCE]))
        row("expired", token(n, key, exp=ISSUED + 900))
        row("not yet valid", token(n, key, nbf=FOREVER - 900))
        row("wrong issuer", token(n, key, iss="https://other.example"))
        row("wrong audience", token(n, key, aud="billing"))
        row("missing claim", token(n, key, exp=None))
        row("missing claim", token(n, key, aud=None))
        row("unknown key", token(n, key, headers={"kid": "old"}))
        row("critical extension", token(n, key, headers={"crit": ["b64"]}))
        row("embedded key", token(n, key, headers={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encoded(b"\x05" * 32)}}))
        row("wrong type", token(n, key, headers={"typ": "at+jwt"}))
        whole = token(n, key)
        head, body, signature = whole.split(".")
        row("bad signature", ".".join([head, encoded(json.dumps(claims(n, sub="root"), separators=(",", ":")).encode()), signature]))
        row("bad base64url", whole + "=")
        row("wrong segments", head + "." + body)
        row("wrong signature length", ".".join([head, body, encoded(decoded(signature)[:-1])]))
    row("bad signature", jwt.encode(claims(300), stranger, algorithm="EdDSA", headers={"kid": "ed"}))
    row("missing key id", jwt.encode(claims(301), ed, algorithm="EdDSA"))
    body = json.dumps(claims(302), separators=(",", ":")).encode()
    for name in ("none", "None", "NONE"):
        row("algorithm none", forged({"alg": name, "kid": "ed"}, body, b""))
    # RSA's public key as the secret of an HMAC, which libraries fell for in 2015
    shown = rsas[0].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    confused = forged({"alg": "HS256", "kid": "rsa"}, body, b"").rstrip(".")
    row("algorithm mismatch", confused + "." + encoded(hmac.digest(shown, confused.encode(), "sha256")))
    row("algorithm mismatch", forged({"alg": "ES256", "kid": "ed"}, body))
    row("unsupported algorithm", forged({"alg": "EdDSA448", "kid": "ed"}, body))
    row("encrypted", "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA")
    row("too long", token(303, more="x" * 16_384))

    about = "# Made by make.py, by keys that everybody knows. One token a line; how each is judged stands in judged.txt.\n"
    (HERE / "tokens.txt").write_text(about + "".join(token + "\n" for _, token in rows))
    (HERE / "judged.txt").write_text("".join(expected + "\n" for expected, _ in rows))
    (HERE / "hmac_tokens.txt").write_text(about.split(";")[0] + ".\n" + "".join(
        jwt.encode(claims(n), SECRET, algorithm="HS256") + "\n" for n in range(40)))
    (HERE / "claims.jsonl").write_text("".join(json.dumps(claims(n, role="reader" if n % 3 else "writer")) + "\n" for n in range(100)))


if __name__ == "__main__":
    main()
