#!/usr/bin/env python3
"""Writes the seeds of the fuzzers of tokens, keys, base64url and claims: python3 jwt_seeds.py FOLDER"""
import base64
import hashlib
import hmac
import json
import pathlib
import subprocess
import sys

SECRET = b"0123456789abcdef0123456789abcdef"

# RFC 7515, A.2 and A.3; RFC 8037, A.1: the keys that these documents print.
RSA = {
    "kty": "RSA", "e": "AQAB",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOW"
         "vG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT"
         "6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
}
EC = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
EC_D = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
ED = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
ED_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
OCT = {"kty": "oct", "alg": "HS256", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}


def encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(header: str, payload: str) -> bytes:
    text = encoded(header.encode()) + b"." + encoded(payload.encode())
    return text + b"." + encoded(hmac.new(SECRET, text, hashlib.sha256).digest())


HEADERS = [
    '{"alg":"HS256"}', '{"typ":"JWT",\r\n "alg":"HS256"}', '{"alg":"HS256","typ":"at+jwt","kid":"a"}', '{"alg":"HS256","kid":"b"}', '{"alg":"HS512","kid":"b"}',
    '{"alg":"none"}', '{"alg":"nOnE"}', '{"alg":"HS256","crit":["exp"]}', '{"alg":"HS256","b64":false}', '{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}',
    '{"alg":"HS256","jku":"https://x"}', '{"alg":"HS256","x5c":["MIIB"]}', '{"alg":"HS256","alg":"none"}', '{"\\u0061lg":"HS\\u003256"}', '{"alg":["HS256"]}',
    '{"alg":"RS256"}', '{"alg":"HS256","kid":"../../../dev/null"}', '{"alg":"HS256","typ":"application/jwt","cty":"x"}', '{"alg":"HS256"} x', '[]', '']

CLAIMS = [
    '{}', '{"iss":"joe","exp":1001,"aud":"us"}', '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
    '{"aud":["us","them"],"exp":2e3,"nbf":10.5,"iat":-0,"sub":"\\ud83d\\ude00","jti":"é"}', '{"exp":"1001"}', '{"exp":1e400}', '{"exp":9007199254740991}',
    '{"exp":9007199254740992}', '{"nbf":-1e-400}', '{"aud":[]}', '{"aud":[1]}', '{"aud":{"a":"us"}}', '{"exp":1,"exp":2}', '{"x":{"a":1,"\\u0061":2}}', '{"iss":null}',
    '{"s":"\\ud800"}', '{"e\\u0078p":1001,"\\u0069ss":"\\"\\\\\\/\\b\\f\\n\\r\\t"}', '{"a":' + 31 * '[' + 31 * ']' + '}', '{"a":' + 32 * '[' + 32 * ']' + '}',
    '{' + ','.join(f'"{i}":{i}' for i in range(256)) + '}', '{' + ','.join(f'"{i}":{i}' for i in range(257)) + '}', '{"a":[{"b":1},{"b":[true,false,null,-0.5E+3]}]}',
    '{"a":1}x', '\ufeff{}', '{"a":01}', '[1]', '"x"', '{"a":"\\u0000"}', '{"exp":1000.999999999999999999999999}', '{"iat":123456789012345678901234567890}']

BASE64URL = ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy", "A-z_4ME", "Zg==", "Zh", "Zm9", "A", "Zm 9", "A+z/", "Zm9v\n", 64 * "-_Aa"]


def pem(key: bytes) -> list:
    """A private key in DER, as `openssl pkey` writes it: with its public part."""
    run = lambda *more: subprocess.run(["openssl", "pkey", "-inform", "DER", *more], input=key, capture_output=True, check=True).stdout
    return [run(), run("-pubout")]


def keys() -> list:
    texts = [OCT, ED, EC, RSA, {**RSA, "alg": "PS256", "use": "sig", "kid": "r"}, {**ED, "d": ED_D, "kid": "e"}, {**EC, "d": EC_D, "key_ops": ["sign", "verify"]},
             {**ED, "use": "enc"}, {**EC, "crv": "P-384"}, {**RSA, "e": "AQ"}, {**OCT, "k": "AAAA"}, {**RSA, "d": "AAAA"}, {"kty": "new"}, {**ED, "x": 43 * "A"}]
    one = [json.dumps(key).encode() for key in texts]
    sets = [b'{"keys":[' + b",".join(some) + b"]}" for some in ([one[1]], [one[5], one[6], one[4]], [one[0], one[1]], [one[1], one[1]], [], [one[12], one[7], one[5]])]
    seeds = [bytes([kind]) + text for text in one for kind in (0x0c, 0x80)] + [bytes([kind]) + text for text in sets for kind in (0x0e, 0x82)]
    seed = base64.urlsafe_b64decode(ED_D + "=")
    number = base64.urlsafe_b64decode(EC_D + "=")
    ed = bytes.fromhex("302e020100300506032b657004220420") + seed
    ec = bytes.fromhex("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420") + number
    seeds += [bytes([0x2b]) + text for text in pem(ed)] + [bytes([0x27]) + text for text in pem(ec)]    # EdDSA and ES256, read as PEM
    return seeds


def main(folder: str) -> None:
    pairs = [(header, payload) for header in HEADERS for payload in CLAIMS[:2]] + [(HEADERS[0], payload) for payload in CLAIMS]
    seeds = {
        "token": [bytes([0]) + token(*pair) for pair in pairs] + [bytes([1]) + "\n".join(pair).encode() for pair in pairs]
                 + [bytes([2]) + (HEADERS[4] + "\n" + payload).encode() for payload in CLAIMS]
                 + [bytes([3]) + encoded(header.encode()) + b"\n" + segment.encode() for header in HEADERS[:2] for segment in BASE64URL]
                 + [bytes([0]) + text for text in (b"..", b"a.b.c.d.e", b'{"payload":"e30","signatures":[]}', b"e30.e30.")],
        "claims": [payload.encode() for payload in CLAIMS],
        "base64url": [text.encode() for text in BASE64URL],
        "jwk": keys(),
    }
    for name, texts in seeds.items():
        into = pathlib.Path(folder) / name
        into.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts):
            (into / f"seed_{number:03}").write_bytes(text)


if __name__ == "__main__":
    main(sys.argv[1])
