"""One relay over several cores: a process that supervises, and workers that relay.

    supervisor   binds a socket for each slot, starts the workers, adds them up on the operator's port
    worker       the relay of `relay.server`, on a socket that it was given

Rule: the supervisor accepts no client and knows no session; a worker decides nothing about other workers.
"""
