"""Dialects of the protocol: what clients of another year, and upstreams of another maker, say and want to hear.

Between a client and an upstream the relay thinks in one language, that of the GA protocol; limits, policy and
accounting know no other. A dialect stands at one leg and translates: `read` from the peer's words into GA,
`write` from GA into the peer's. A session whose two legs speak GA pays nothing for this.

Rule: a dialect is pure, changes an event only where the peer's language differs, and returns the very object
that it was given where it does not: `is` tells that the bytes which came may be forwarded. A further dialect
is one new file, and its row in `spoken`.
"""
