"""The homes of the ports in Redis, or Valkey: what many processes remember together.

    permits, secrets, … --scripts--> connection --> client --redis-py--> one server · Sentinel · Cluster

Rule: `client` alone knows the library, and `connection` alone knows `client`. A home asks under the name of an
operation and gets an answer, or `UNAVAILABLE`, for which it has an answer of its own.
"""
