"""`relay top`: a relay as its operator sees it, live in a terminal, from wherever its admin API is reached.

    asking (HTTP) -> snapshot -> rates (two of them) -> screen (text)

Rule: it knows the relay by the admin API alone, and changes nothing there.
"""
