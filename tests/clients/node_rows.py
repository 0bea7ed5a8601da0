"""The rows of the matrix that run on Node.js, and in a browser that Node.js drives.

Rule: a version stands here and in a `package.json` below `node/` or in `browser/`; `node/test_pins.py` compares
both with the lock beside it.
"""

from tests.clients.rows import HOST, KEY, Dialect, Environment, Language, Row


def environment(folder: str, *, node: bool, needs: tuple[str, ...] = ()) -> Environment:
    """Return the environment whose pins are `tests/clients/<folder>/package-lock.json`.

    Where *node* is among the pins it is put at `{place}/node`: which package holds it depends on the processor.
    The programs are linked, since a module finds packages by where it lies.
    """
    pins = [f"{folder}/{name}" for name in ("package.json", "package-lock.json")]
    quietly = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    return Environment(
        name=f"npm-{folder.rpartition('/')[2]}",
        stamps=tuple(f"tests/clients/{pin}" for pin in pins),
        install=(
            ("cp", *(f"{{clients}}/{pin}" for pin in pins), "{place}"),
            ("npm", "ci", "--ignore-scripts", *quietly),
            *((("sh", "-c", "ln node_modules/node-linux-*/bin/node node"),) if node else ()),
            ("ln", "-s", "{clients}", "clients"),
        ),
        needs=("npm", *needs),
    )


PINNED = "{place}/node"
"""The Node that an environment pins: 22, with what openai 7 needs and a WebSocket of its own."""
MACHINES = "node"
"""Whatever Node the machine has: 18 and newer."""
SNIPPET = "{snippet}"


def program(node: str, name: str, *words: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the command that runs a program of ours with *node* and its *options*."""
    linked = ("--preserve-symlinks", "--preserve-symlinks-main")
    return (node, *linked, *options, f"clients/{name}.mjs", *words)


IN_A_PAGE = program(PINNED, "browser/snippet", SNIPPET)

OPENAI_7 = environment("node/openai-7", node=True)
OPENAI_6 = environment("node/openai-6", node=False, needs=("node",))
AGENTS = environment("node/agents-realtime", node=True)
REALTIME_API = environment("node/openai-realtime-api", node=True)
CHROMIUM = environment("browser", node=True, needs=("chromium",))

OPENAI_CHANGE = f"""\
const client = new OpenAI({{
  baseURL: 'https://{HOST}/v1',
  apiKey: '{KEY}',
}});"""
AZURE_CHANGE = f"""\
const client = new AzureOpenAI({{
  endpoint: 'https://{HOST}',
  apiKey: '{KEY}',"""
BETA_CLIENT_CHANGE = f"""\
  url: 'wss://{HOST}/v1/realtime',
  apiKey: '{KEY}',"""
PAGE_CHANGE = f"""\
  baseURL: 'https://{HOST}/v1',
  apiKey: secret,"""
SOCKET_CHANGE = f"""\
const url = 'wss://{HOST}/v1/realtime?model=gpt-realtime-2.1';"""

FORCES_TLS = "The SDK speaks `wss:` whatever the scheme of `baseURL`: the relay has to serve TLS."
RECOVERS = "With `reconnect: true` it opens a new session by itself after 1012, at most five times."
ORIGINS = "The tenant's `origins` have to name where the page comes from."
IN_BAND = "A refusal is an `error` event and a close with 3000: a page cannot read the status of an upgrade."
SYSTEMS = "the system's"
"""Version of a browser, which is installed by the system and not pinned."""
NO_RECONNECT = "The SDK does not reconnect: at a `close` with 1012, open a new one."

ROWS: tuple[Row, ...] = (
    Row(
        id="node-openai-7-ga",
        title="openai 7 (`openai/realtime/ws`)",
        section="openai (npm)",
        package="openai",
        version="7.57.0",
        language=Language.NODE,
        dialect=Dialect.GA,
        tls=True,
        environment=OPENAI_7,
        command=program(PINNED, "node/openai_ga", "recovers"),
        snippet=(PINNED, SNIPPET),
        change=OPENAI_CHANGE,
        notes=(FORCES_TLS, RECOVERS),
    ),
    Row(
        id="node-openai-6-ga",
        title="openai 6 (`openai/realtime/ws`)",
        section="openai (npm)",
        package="openai",
        version="6.49.0",
        language=Language.NODE,
        dialect=Dialect.GA,
        tls=True,
        environment=OPENAI_6,
        command=program(MACHINES, "node/openai_ga"),
        snippet=(MACHINES, SNIPPET),
        change=OPENAI_CHANGE,
        notes=(FORCES_TLS, NO_RECONNECT, "It is what Node older than 22 installs."),
    ),
    Row(
        id="node-openai-7-beta",
        title="openai 7 (`openai/beta/realtime/ws`)",
        section="openai (npm), beta",
        package="openai",
        version="7.57.0",
        language=Language.NODE,
        dialect=Dialect.BETA,
        tls=True,
        environment=OPENAI_7,
        command=program(PINNED, "node/openai_beta"),
        snippet=(PINNED, SNIPPET),
        change=OPENAI_CHANGE,
        notes=(FORCES_TLS, NO_RECONNECT),
    ),
    Row(
        id="node-openai-6-beta",
        title="openai 6 (`openai/beta/realtime/ws`)",
        section="openai (npm), beta",
        package="openai",
        version="6.49.0",
        language=Language.NODE,
        dialect=Dialect.BETA,
        tls=True,
        environment=OPENAI_6,
        command=program(MACHINES, "node/openai_beta"),
        snippet=(MACHINES, SNIPPET),
        change=OPENAI_CHANGE,
        notes=(FORCES_TLS, NO_RECONNECT),
    ),
    Row(
        id="node-openai-7-azure",
        title="openai 7 (`OpenAIRealtimeWS.azure()`)",
        section="AzureOpenAI (npm)",
        package="openai",
        version="7.57.0",
        language=Language.NODE,
        dialect=Dialect.GA,
        tls=True,
        environment=OPENAI_7,
        command=program(PINNED, "node/azure", "ga", "recovers"),
        snippet=(PINNED, SNIPPET),
        change=AZURE_CHANGE,
        notes=(FORCES_TLS, "It dials `/openai/v1/realtime`: GA, whatever `apiVersion` says."),
    ),
    Row(
        id="node-openai-6-azure",
        title="openai 6 (`OpenAIRealtimeWS.azure()`)",
        section="AzureOpenAI (npm)",
        package="openai",
        version="6.49.0",
        language=Language.NODE,
        dialect=Dialect.BETA,
        tls=True,
        environment=OPENAI_6,
        command=program(MACHINES, "node/azure", "beta"),
        snippet=(MACHINES, SNIPPET),
        change=AZURE_CHANGE,
        notes=(
            FORCES_TLS,
            NO_RECONNECT,
            "It dials the preview's path, where the relay speaks the beta's events.",
        ),
    ),
    Row(
        id="node-agents-realtime",
        title="@openai/agents-realtime",
        section="@openai/agents-realtime",
        package="@openai/agents-realtime",
        version="0.20.0",
        language=Language.NODE,
        dialect=Dialect.GA,
        environment=AGENTS,
        command=program(PINNED, "node/agents"),
        snippet=(PINNED, SNIPPET),
        variables={"OPENAI_AGENTS_DISABLE_TRACING": "1"},
        change=f"""\
await session.connect({{
  url: 'wss://{HOST}/v1/realtime?model=gpt-realtime-2.1',
  apiKey: '{KEY}',
}});""",
        notes=(
            "The address is used as it is given: the model has to stand in it.",
            "It does not reconnect: at the transport's `disconnected`, call `connect()` of the session again.",
            "It asks for `tracing` in every session, which the relay takes out unless the policy passes it.",
        ),
    ),
    Row(
        id="node-openai-realtime-api",
        title="openai-realtime-api (Node 22 and newer)",
        section="openai-realtime-api",
        package="openai-realtime-api",
        version="1.0.8",
        language=Language.NODE,
        dialect=Dialect.BETA,
        environment=REALTIME_API,
        command=program(PINNED, "node/realtime_api"),
        snippet=(PINNED, SNIPPET),
        change=BETA_CLIENT_CHANGE,
        notes=(
            "The key and the dialect go as subprotocols: a refusal is an `error` event.",
            "It does not reconnect: at its `close`, call `connect()` again.",
        ),
    ),
    Row(
        id="node-openai-realtime-api-headers",
        title="openai-realtime-api (Node 20 and older)",
        section="openai-realtime-api",
        package="openai-realtime-api",
        version="1.0.8",
        language=Language.NODE,
        dialect=Dialect.BETA,
        environment=REALTIME_API,
        # Without a WebSocket of Node's own it takes `ws`, as it does where there is none.
        command=program(PINNED, "node/realtime_api", options=("--no-experimental-websocket",)),
        snippet=(PINNED, SNIPPET),
        change=BETA_CLIENT_CHANGE,
        notes=("The key goes in headers: of a refusal it says only that it could not connect.",),
    ),
    Row(
        id="browser-openai-7-secret",
        title="openai 7 in a page (`openai/realtime/websocket`), client secret",
        section="openai in a page",
        package="openai",
        version="7.57.0",
        language=Language.BROWSER,
        dialect=Dialect.GA,
        tls=True,
        environment=CHROMIUM,
        command=program(PINNED, "browser/drive", "openai-secret"),
        snippet=IN_A_PAGE,
        change=PAGE_CHANGE,
        notes=(ORIGINS, FORCES_TLS, RECOVERS),
    ),
    Row(
        id="browser-openai-7-key",
        title="openai 7 in a page (`openai/realtime/websocket`), key",
        section="openai in a page",
        package="openai",
        version="7.57.0",
        language=Language.BROWSER,
        dialect=Dialect.GA,
        tls=True,
        environment=CHROMIUM,
        command=program(PINNED, "browser/drive", "openai-key"),
        snippet=IN_A_PAGE,
        change=PAGE_CHANGE,
        notes=("Whoever sees the page has the key: for what only you can open.",),
    ),
    *(
        Row(
            id=f"browser-websocket-{dialect}",
            title=f"`WebSocket` in a page{words}",
            section="WebSocket in a page",
            package="chromium",
            version=SYSTEMS,
            language=Language.BROWSER,
            dialect=dialect,
            tls=True,
            environment=CHROMIUM,
            command=program(PINNED, "browser/drive", client),
            snippet=IN_A_PAGE,
            change=SOCKET_CHANGE,
            notes=(ORIGINS, *notes),
        )
        for dialect, client, words, notes in (
            (Dialect.GA, "websocket", "", (IN_BAND,)),
            (
                Dialect.BETA,
                "websocket-beta",
                ", beta",
                ("The subprotocol `openai-beta.realtime-v1` asks for the beta's events.",),
            ),
        )
    ),
)
