"""The demonstration: a simulator, a relay and one tenant in this process, and what is said through them.

    stage         the simulator, the relay and the tenant's key, while they last
    certificates  TLS for this machine alone
    proof         whether what came back is what was said
    metering      what the relay says it carried: its metrics and its journal
    screen        all of it on a terminal

Rule: everything is real but the upstream. What is shown was measured or read, never written down beforehand.
"""
