"""The measurements: what the relay costs, beside a direct connection and beside its peers.

One process plays every client and the upstream (`legs`), so one clock stands at both ends; it is pinned
to one core and whatever is measured to another (`machine`). A subject is a program between the two ends
(`subjects`): nothing at all, the relay, HAProxy, nginx, or the relay one writes in an afternoon
(`plain_websockets`); the relay has variants, clients that cost it more. `measures` runs the traffic,
`campaign` interleaves subjects and rounds, `figures` keeps the best of each and holds them to the goals,
`report` prints.

The rule: no figure without proof. Every message is distinct and is compared, byte for byte, where it
arrives.
"""
