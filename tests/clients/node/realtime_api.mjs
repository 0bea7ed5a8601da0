// npm `openai-realtime-api`: a client of the beta's time. Where Node has a WebSocket of its own it sends the
// key and the dialect as subprotocols, elsewhere in headers.

import { RealtimeClient, base64ToArrayBuffer } from 'openai-realtime-api';

import { BETA } from './dialects.mjs';
import { Inbox } from './inbox.mjs';
import { closeAll, relay, run, speech } from './program.mjs';
import { ANSWER, WORDS, check, connect, heard, pieces, withPause } from './turns.mjs';

/** All that it tells of an upgrade that failed. */
const NO_REASON = /^Could not connect to /;

/** A client, and all that the server sends it in an inbox; connected, and its session created. */
async function started({ key = relay.key, ...sessionConfig } = {}) {
  const client = new RealtimeClient({ url: relay.wsUrl, apiKey: key, model: relay.model, sessionConfig });
  const inbox = new Inbox();
  client.realtime.on('server.*', (event) => inbox.push(event));
  client.realtime.on('close', () => inbox.push({ type: 'closed' }));
  await client.connect();
  const told = await connect({ inbox }, BETA);
  return { client, inbox, told };
}

async function textTurn({ client, inbox }) {
  client.sendUserMessageContent([{ type: 'input_text', text: WORDS }]);
  await inbox.until('response.done');
  const { formatted, role } = client.conversation.getItems().at(-1);
  check(role === 'assistant' && formatted.text.includes(WORDS), `the answer is ${JSON.stringify(formatted)}`);
  return `answered ${JSON.stringify(formatted.text)}`;
}

await run({
  connect: async () => {
    const { client, told } = await started();
    client.disconnect();
    return told;
  },

  text: async () => {
    const open = await started({ modalities: ['text'] });
    const seen = await textTurn(open);
    open.client.disconnect();
    return seen;
  },

  audio: async () => {
    const { client, inbox } = await started({ turn_detection: { type: 'server_vad' } });
    await inbox.until('session.updated');
    const sent = withPause(speech);
    for (const piece of pieces(sent)) client.appendInputAudio(new Int16Array(base64ToArrayBuffer(piece)));
    await inbox.until('response.done');
    const { formatted } = client.conversation.getItems().at(-1);
    client.disconnect();
    return heard(Buffer.from(formatted.audio.buffer).toString('latin1'), formatted.transcript, sent);
  },

  tool: async () => {
    const { client, inbox } = await started({ modalities: ['text'] });
    const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    client.addTool(
      { name: 'get_weather', description: 'The weather in a city.', parameters },
      async () => ANSWER,
    );
    client.sendUserMessageContent([{ type: 'input_text', text: 'Use get_weather for Lisbon.' }]);
    await inbox.until('response.done'); // the call; the client answers it by itself
    await inbox.until('response.done');
    const { formatted } = client.conversation.getItems().at(-1);
    check(formatted.text.includes(ANSWER), `the answer is ${JSON.stringify(formatted)}`);
    client.disconnect();
    return `called, answered ${JSON.stringify(formatted.text)}`;
  },

  refusal: async () => {
    const failure = await started({ key: relay.badKey }).then(
      () => null,
      ({ message }) => message,
    );
    if (NO_REASON.test(failure)) return 'could not connect, without a reason';
    check(/"invalid_api_key"/.test(failure), `instead of a refusal: ${failure}`);
    return '`error` event';
  },

  reconnect: async () => {
    const open = await started({ modalities: ['text'] });
    await closeAll();
    await open.inbox.until('closed');
    await open.client.connect();
    await connect(open, BETA);
    await textTurn(open);
    open.client.disconnect();
    return 'by hand, after its `close`';
  },
});
