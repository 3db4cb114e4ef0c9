# SPDX-License-Identifier: MIT
"""Who is to poll what in a fleet, by the rule of src/fleet: target_hash.c, rendezvous.h."""

import hashlib

MASK = (1 << 64) - 1
NO_QUERY_PARAM = ["", ""]
NO_IDENTITY = ["", "", ""]  # profile, role, external id


def first_64_bits(data):
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def target_hash(region, provider, endpoint_url):
    """Of Build, version 1, keys from the environment."""
    parts = ["pipepoll target 1", region, "ThirdParty", "Build", provider, "1",
             *NO_QUERY_PARAM, endpoint_url, *NO_IDENTITY]
    return first_64_bits(b"".join(len(p).to_bytes(4, "big") + p.encode() for p in parts))


def weight(member, target):
    """A step of splitmix64."""
    z = (first_64_bits(member.encode()) ^ target) + 0x9E3779B97F4A7C15 & MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def placement(members, targets, endpoint_url):
    """The member of each (region, provider). By chance, as the port of the service is by chance,
    one may have none of a few."""
    return {t: max(members, key=lambda m: weight(m, target_hash(*t, endpoint_url)))
            for t in targets}
