"""A caller: it speaks to any Realtime URL, hears the answer, and tells how long everything took.

    address  failures  pcm  wav  events     leaves: values, and how to read them
    turn                                    what was said and heard in one turn; pure, told of events and times
    line                                    the WebSocket, and every way of not getting one
    speaking                                sound sent at the pace of speech
    call                                    dial, begin a session, hold turns, hang up: returns an outcome
    terminal  report                        the outcome, for people and for programs

Rule: nothing here knows that a relay exists, but for three headers it shows if they are there and the
advice that goes with a refusal: the same call must work against the API itself.
"""
