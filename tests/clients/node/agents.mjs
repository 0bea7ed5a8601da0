// npm `@openai/agents-realtime`: a RealtimeSession over a WebSocket, whose address is used as it is given.

import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

import { Inbox } from './inbox.mjs';
import { closeAll, relay, run, speech } from './program.mjs';
import { ANSWER, WORDS, check, heard, pieces, withPause } from './turns.mjs';

const url = `${relay.wsUrl}?model=${relay.model}`;

const weather = tool({
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: z.object({ city: z.string() }),
  execute: async () => ANSWER,
});

/**
 * A session with what it tells in an inbox: `{ type: 'session.created' | 'agent_end' | 'audio' | …, … }`. Text
 * is asked for unless *spoken*.
 */
function newSession({ spoken = false, tools = [] } = {}) {
  const agent = new RealtimeAgent({ name: 'Echo', instructions: 'Repeat what is said.', tools });
  const session = new RealtimeSession(agent, {
    transport: 'websocket',
    model: relay.model,
    config: {
      outputModalities: [spoken ? 'audio' : 'text'],
      audio: { input: { turnDetection: { type: 'server_vad' } } },
    },
  });
  const inbox = new Inbox();
  session.transport.on('session.created', (event) => inbox.push(event));
  session.transport.on('disconnected', () => inbox.push({ type: 'disconnected' }));
  session.on('audio', ({ data }) => inbox.push({ type: 'audio', data }));
  session.on('agent_tool_end', (_context, _agent, { name }, result) =>
    inbox.push({ type: 'tool', name, result }),
  );
  session.on('agent_end', (_context, _agent, words) => inbox.push({ type: 'agent_end', words }));
  session.on('error', ({ error }) => inbox.push({ type: 'error', error }));
  return { session, inbox };
}

async function started(options) {
  const open = newSession(options);
  await open.session.connect({ url, apiKey: relay.key });
  const [created] = await open.inbox.until('session.created');
  return { ...open, created };
}

async function textTurn({ session, inbox }) {
  session.sendMessage(WORDS);
  const { words } = (await inbox.until('agent_end')).at(-1);
  check(words.includes(WORDS), `the answer is ${JSON.stringify(words)}`);
  return `answered ${JSON.stringify(words)}`;
}

await run({
  connect: async () => {
    const { session, created } = await started();
    session.close();
    return `session.created, ${created.session.model}`;
  },

  text: async () => {
    const open = await started();
    const seen = await textTurn(open);
    open.session.close();
    return seen;
  },

  audio: async () => {
    const { session, inbox } = await started({ spoken: true });
    const sent = withPause(speech);
    for (const piece of pieces(sent)) {
      session.sendAudio(new Uint8Array(Buffer.from(piece, 'base64')).buffer);
    }
    const seen = await inbox.until('agent_end');
    const audio = seen
      .filter(({ type }) => type === 'audio')
      .map(({ data }) => Buffer.from(data).toString('latin1'));
    session.close();
    return heard(audio.join(''), seen.at(-1).words, sent);
  },

  tool: async () => {
    const { session, inbox } = await started({ tools: [weather] });
    session.sendMessage('Use get_weather for Lisbon.');
    const { name, result } = (await inbox.until('tool')).at(-1);
    check(name === 'get_weather' && result === ANSWER, `${name} gave ${result}`);
    let words = '';
    // The answer that consists of the call ends, too, and has no words.
    while (words === '') words = (await inbox.until('agent_end')).at(-1).words;
    check(words.includes(ANSWER), `the answer is ${JSON.stringify(words)}`);
    session.close();
    return `called, answered ${JSON.stringify(words)}`;
  },

  refusal: async () => {
    const { session } = newSession();
    const failure = await session.connect({ url, apiKey: relay.badKey }).then(
      () => null,
      ({ message }) => message,
    );
    check(/\b401\b/.test(failure), `instead of a refusal: ${failure}`);
    return 'HTTP 401';
  },

  reconnect: async () => {
    const open = await started();
    await closeAll();
    await open.inbox.until('disconnected');
    // The SDK tells neither the code nor reconnects; the same session object may be connected again.
    await open.session.connect({ url, apiKey: relay.key });
    await open.inbox.until('session.created');
    await textTurn(open);
    open.session.close();
    return 'by hand, after `disconnected`';
  },
});
