"""What clients and upstreams say, sensible or not."""

from hypothesis import strategies as st

from tests.unit.core.gates import append, wire


def view(data: bytes) -> memoryview:
    return memoryview(data)


text = st.text(max_size=8)
raw = st.binary(max_size=20).map(view)
settings = st.fixed_dictionaries(
    {}, optional={"model": st.sampled_from(["gpt-x", "real", "other"]), "prompt": st.just({"id": "p"})}
)

client_messages = st.one_of(
    st.builds(lambda size: append("A" * size), st.integers(0, 5000)),
    st.builds(
        lambda name, said: wire({"type": name, "session": said, "response": said}),
        st.sampled_from(
            ["response.create", "response.cancel", "session.update", "input_audio_buffer.commit", "new.event"]
        ),
        settings,
    ),
    raw,
    st.builds(lambda odd: memoryview(odd.encode()), text),
    st.sampled_from([b'{"type":"a","type":"b"}', b'{"type":7}', b'{"type":"\xff"}']).map(view),
)

upstream_messages = st.one_of(
    st.builds(lambda delta: wire({"type": "response.output_audio.delta", "delta": delta}), text),
    st.builds(lambda delta: wire({"type": "response.output_text.delta", "delta": delta}), text),
    st.builds(
        lambda name, number, tokens: wire(
            {
                "type": name,
                "response": {"id": f"r{number}", "status": "cancelled", "usage": {"input_tokens": tokens}},
            }
        ),
        st.sampled_from(["response.created", "response.done"]),
        st.integers(0, 3),
        st.integers(0, 400),
    ),
    st.builds(
        lambda model: wire({"type": "session.updated", "session": {"model": model}}),
        st.sampled_from(["real", "other"]),
    ),
    st.builds(
        lambda name: wire({"type": name, "item": {"id": "i", "content": [{"type": "output_text"}]}}),
        st.sampled_from(["conversation.item.added", "conversation.item.done"]),
    ),
    st.builds(lambda code: wire({"type": "error", "error": {"message": "sk-abcdefghij", "code": code}}), text),
    raw,
)
