#!/usr/bin/env python3
"""Checks a bundle of `holdpoint audit export` without Holdpoint: check-evidence.py FILE [KEY]

Signatures (Ed25519) are checked when the package `cryptography` is installed. KEY is the public key
that was noted, in hex. Exit codes: 0 it holds, 65 it does not."""
import base64
import hashlib
import json
import sys

DECIDED = ("verdict", "by", "comment")


def need(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def sha256(data):
    return hashlib.sha256(data).digest()


class Reader:  # of the binary form of records: little-endian, small numbers in one byte
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        part = self.data[self.at:self.at + count]
        need(len(part) == count, "a record ends too early")
        self.at += count
        return part

    def number(self):
        first = self.take(1)[0]
        size = {251: 2, 252: 4, 253: 8, 254: 16}.get(first)
        return first if size is None else int.from_bytes(self.take(size), "little")

    def bytes(self):
        return self.take(self.number())

    def author(self):
        kind = {1: "person", 2: "agent", 3: "system"}[self.take(1)[0]]
        return {"kind": kind, "id": self.bytes().decode()}


def read_entry(content):
    r = Reader(content)
    seq, _, by, action, _ = r.number(), r.number(), r.author(), r.bytes().decode(), r.bytes()
    need(r.take(1) == b"\1", f"entry {seq} is about no commit")
    job, _, last = r.number(), r.number(), r.number()
    digest, shown = r.take(32), r.take(32) if r.take(1) == b"\1" else None
    return {"seq": seq, "by": by, "action": action, "job": f"{job:032x}", "last": last,
            "digest": digest, "shown": shown}


def read_append(version, body):
    r = Reader(body)
    first, _, by, _ = r.number(), r.number(), r.author(), r.number()
    if version == 1:
        r.bytes()  # the name of its one event
    previous = r.take(32)
    events = [r.bytes() for _ in range(1 if version == 1 else r.number())]
    return first, by, previous, [json.loads(event) for event in events]


def check_signature(head, key):
    need(head["key"] == key, f"the head at {head['count']} is signed by another key")
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return False
    fields = [str(head[name]) for name in ("storeId", "generation", "count", "hash", "at")]
    message = "\n".join(["holdpoint audit head 1", *fields, ""]).encode()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
        bytes.fromhex(head["signature"]), message)
    return True


def check(bundle, key):
    need(bundle["format"] == "holdpoint evidence 1", "this is no bundle of evidence")
    job, entries, signed = bundle["job"]["id"].replace("-", ""), [], True
    for proof in bundle["proofs"]:
        head, link = proof["head"], bytes.fromhex(proof["previousHash"])
        for seq, item in enumerate(proof["links"], proof["first"]):
            if isinstance(item, dict):
                content = base64.b64decode(item["content"])
                entries.append(read_entry(content))
                need((entries[-1]["seq"], entries[-1]["job"]) == (seq, job), f"entry {seq}")
                item = sha256(content).hex()
            link = sha256(link + bytes.fromhex(item))
        need(proof["first"] + len(proof["links"]) - 1 == head["count"], "links are missing")
        need(link.hex() == head["hash"], f"the links do not lead to the head at {head['count']}")
        signed = check_signature(head, key or bundle["key"]) and signed
    ends, last, before = {entry["last"]: entry for entry in entries}, 0, None
    for record in bundle["journal"]:
        body = base64.b64decode(record["record"])
        first, by, previous, events = read_append(record["version"], body)
        need(first == last + 1 and before in (None, previous), f"event {first} does not follow")
        need((record["events"], record["by"]) == (events, by), f"event {first}: not as recorded")
        last, before = first + len(events) - 1, sha256(body)
        if last in ends:
            need(ends.pop(last)["digest"] == before, f"event {last} is not what its entry says")
    need(entries and not ends and entries[-1]["last"] == last, "journal and entries differ")
    decided = {entry["shown"] for entry in entries if entry["action"] == "decided"}
    for point in bundle["checkpoints"]:
        shown = sha256(point["shown"].encode())
        need(shown.hex() == point["sha256"], f"checkpoint {point['id']}: not what was shown")
        need(not point["decision"] or shown in decided, f"{point['id']}: nobody decided that")
        made = [event["decision"] for record in bundle["journal"] for event in record["events"]
                if event["type"] == "decided" and event["checkpoint"] == point["id"]]
        told = point["decision"] and {name: point["decision"][name] for name in DECIDED}
        need(not told or told in [{name: by.get(name) for name in DECIDED} for by in made],
             f"checkpoint {point['id']}: the journal has another decision")
    text = (bundle["workflow"]["document"] or "").encode()
    need(not text or sha256(text).hex() == bundle["workflow"]["sha256"], "another workflow")
    return f"holds: {len(entries)} entries, {last} events", signed


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            found, signed = check(json.load(file), sys.argv[2] if len(sys.argv) > 2 else None)
    except Exception as problem:  # whatever is wrong with it, it does not hold
        print(f"does not hold: {problem!r}")
        sys.exit(65)
    print(found if signed else f"{found}; install `cryptography` to check the signatures, too")
