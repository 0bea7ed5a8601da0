"""The Python rows of the matrix.

Rule: a version stands here and in `requirements/compile-clients.sh`; a test compares both with the pins.
"""

from tests.clients.rows import HOST, KEY, Dialect, Environment, Language, Row


def environment(name: str) -> Environment:
    """Return the environment of `requirements/clients/<name>.txt`, on the interpreter of the tests."""
    pins = f"requirements/clients/{name}.txt"
    uv = ("{python}", "-m", "uv", "--quiet", "--no-config")
    return Environment(
        name=name,
        stamps=(pins,),
        install=(
            (*uv, "venv", "--allow-existing", "--python", "{python}", "{place}"),
            (
                *uv, "pip", "sync", "--require-hashes", "--python", "{place}/bin/python", f"{{root}}/{pins}",
            ),
        ),
    )  # fmt: skip


def program(name: str, *words: str) -> tuple[str, ...]:
    """Return the command that runs a program of ours with the environment's interpreter."""
    return ("{place}/bin/python", "-m", f"tests.clients.programs.{name}", *words)


FOUND = {"PYTHONPATH": "{root}"}
"""Lets the interpreter find the programs. They import nothing else of this project."""
SNIPPET = ("{place}/bin/python", "{snippet}")

OPENAI_3, OPENAI_2, OPENAI_1 = (environment(f"openai-{major}") for major in (3, 2, 1))

OPENAI_GA_CHANGE = f"""\
client = AsyncOpenAI(
    base_url="https://{HOST}/v1",
    api_key="{KEY}",
)"""
AZURE_CHANGE = f"""\
client = AsyncAzureOpenAI(
    azure_endpoint="https://{HOST}",
    api_key="{KEY}",
    api_version="2025-04-01-preview",
)"""
BY_ITSELF = (
    "Since version 2, `connect(on_reconnecting=lambda event: None)` makes the connection open a new session by "
    "itself after 1012."
)
NO_RECONNECT = (
    "It does not reconnect: at `websockets.exceptions.ConnectionClosedError`, call `connect()` again."
)
ONE_MIB = "It takes messages of at most 1 MiB."
ONE_MIB_UNLESS = (
    'Versions 1 and 2 take messages of at most 1 MiB; `websocket_connection_options={"max_size": None}` lifts '
    "that."
)

ROWS: tuple[Row, ...] = (
    Row(
        id="openai-python-3-ga",
        title="openai 3 (`client.realtime`)",
        section="openai",
        package="openai",
        version="3.54.0",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=OPENAI_3,
        command=program("openai_realtime", "openai", "ga"),
        snippet=SNIPPET,
        variables=FOUND,
        change=OPENAI_GA_CHANGE,
        notes=(BY_ITSELF,),
    ),
    Row(
        id="openai-python-2-ga",
        title="openai 2 (`client.realtime`)",
        section="openai",
        package="openai",
        version="2.54.0",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=OPENAI_2,
        command=program("openai_realtime", "openai", "ga"),
        snippet=SNIPPET,
        variables=FOUND,
        change=OPENAI_GA_CHANGE,
        notes=(
            BY_ITSELF,
            ONE_MIB_UNLESS,
        ),
    ),
    Row(
        id="openai-python-1-ga",
        title="openai 1 (`client.realtime`)",
        section="openai",
        package="openai",
        version="1.109.1",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        tls=True,
        environment=OPENAI_1,
        command=program("openai_realtime", "openai", "ga"),
        snippet=SNIPPET,
        variables=FOUND,
        change=OPENAI_GA_CHANGE,
        notes=(
            "Version 1 does not reconnect: at a `ConnectionClosedError`, call `connect()` again.",
            ONE_MIB_UNLESS,
            "Version 1 speaks `wss:` whatever the scheme of `base_url`: the relay has to serve TLS.",
        ),
    ),
    *(
        Row(
            id=f"openai-python-{major}-beta",
            title=f"openai {major} (`client.beta.realtime`)",
            section="openai, beta",
            package="openai",
            version=version,
            language=Language.PYTHON,
            dialect=Dialect.BETA,
            tls=True,
            environment=pinned,
            command=program("openai_realtime", "openai", "beta"),
            snippet=SNIPPET,
            variables=FOUND,
            change=OPENAI_GA_CHANGE,
            notes=(
                NO_RECONNECT,
                "It speaks `wss:` whatever the scheme of `base_url`: the relay has to serve TLS.",
            ),
        )
        for major, version, pinned in (
            (3, "3.54.0", OPENAI_3),
            (2, "2.54.0", OPENAI_2),
            (1, "1.109.1", OPENAI_1),
        )
    ),
    Row(
        id="azure-openai-python-3",
        title="openai 3, `AzureOpenAI` (`client.beta.realtime`)",
        section="AzureOpenAI",
        package="openai",
        version="3.54.0",
        language=Language.PYTHON,
        dialect=Dialect.BETA,
        tls=True,
        environment=OPENAI_3,
        command=program("openai_realtime", "azure", "beta"),
        snippet=SNIPPET,
        variables=FOUND,
        change=AZURE_CHANGE,
        notes=(
            "The name of the deployment is taken as the model: give it as an alias where the two differ.",
            "This class dials the preview's path, where the relay speaks the beta's events.",
            "It speaks `wss:` whatever the scheme of the endpoint: the relay has to serve TLS.",
            NO_RECONNECT,
        ),
    ),
    Row(
        id="openai-agents-python",
        title="openai-agents",
        section="openai-agents",
        package="openai-agents",
        version="0.24.0",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=environment("openai-agents"),
        command=program("agents_sdk"),
        snippet=SNIPPET,
        variables={**FOUND, "OPENAI_AGENTS_DISABLE_TRACING": "1"},
        change=f"""\
session = await RealtimeRunner(agent).run(
    model_config={{
        "url": "wss://{HOST}/v1/realtime?model=gpt-realtime-2.1",
        "api_key": "{KEY}",
    }}
)""",
        notes=(
            "The address is used as it is given: the model has to stand in it.",
            "It does not reconnect: at `websockets.exceptions.ConnectionClosedError`, run the agent again.",
            "It takes messages of at most 8 MiB.",
        ),
    ),
    Row(
        id="livekit-python",
        title="livekit-plugins-openai",
        section="livekit-plugins-openai",
        package="livekit-plugins-openai",
        version="1.8.9",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=environment("livekit"),
        command=program("livekit_agents"),
        snippet=SNIPPET,
        variables=FOUND,
        change=f"""\
model = openai.realtime.RealtimeModel(
    base_url="https://{HOST}/v1",
    api_key="{KEY}",
)""",
        notes=(
            "`/realtime` is put behind a `base_url` that ends in `/v1`; any other path is used as it is.",
            "It reconnects by itself, up to three times in a row, and replays the conversation;",
            "It takes messages of at most 4 MiB.",
        ),
    ),
    Row(
        id="pipecat-python",
        title="pipecat-ai",
        section="pipecat-ai",
        package="pipecat-ai",
        version="1.14.0",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=environment("pipecat"),
        command=program("pipecat_pipeline"),
        snippet=SNIPPET,
        variables=FOUND,
        change=f"""\
service = OpenAIRealtimeLLMService(
    base_url="wss://{HOST}/v1/realtime",
    api_key="{KEY}",
)""",
        notes=(
            "`base_url` is the whole address, without a query: the service adds `?model=`.",
            "It does not reconnect, and sees that the connection is gone when it next sends:",
            ONE_MIB,
        ),
    ),
    Row(
        id="pydantic-ai-python",
        title="pydantic-ai",
        section="pydantic-ai",
        package="pydantic-ai-slim",
        version="2.68.0",
        language=Language.PYTHON,
        dialect=Dialect.GA,
        environment=environment("pydantic-ai"),
        command=program("pydantic_agent"),
        snippet=SNIPPET,
        variables=FOUND,
        change=f"""\
provider = OpenAIProvider(
    base_url="https://{HOST}/v1",
    api_key="{KEY}",
)""",
        notes=(
            "With a `ReconnectPolicy` it reconnects by itself and replays the conversation.",
            ONE_MIB,
        ),
    ),
)
