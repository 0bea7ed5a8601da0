// The steps as a page runs them. The driver calls `begin(facts)` once, and then each of `window.steps`.
// Rule: only what a page has: `WebSocket`, `fetch`, and the modules that the import map names.

import OpenAI from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';

import { BETA, GA } from '/node/dialects.mjs';
import { Inbox } from '/node/inbox.mjs';
import { lineOf } from '/node/official.mjs';
import { stepsOver } from '/node/steps.mjs';
import { check } from '/node/turns.mjs';

const INSTRUCTIONS = 'Repeat what is said.';
/** GA, and the session begins with what the secret carries. */
const INSTRUCTED = { ...GA, tells: (session) => GA.tells(session) && session.instructions === INSTRUCTIONS };

/** The ways in: each gives `open(key, options)`, its dialect, and whether it reconnects by itself. */
const CLIENTS = {
  'openai-key': (relay) => ({ open: openaiClass(relay), dialect: GA, recovers: true }),
  'openai-secret': (relay) => ({
    open: withSecret(relay, openaiClass(relay)),
    dialect: INSTRUCTED,
    recovers: true,
  }),
  websocket: (relay) => ({ open: plain(relay, []), dialect: GA }),
  'websocket-beta': (relay) => ({ open: plain(relay, ['openai-beta.realtime-v1']), dialect: BETA }),
};

/** Make ready for the steps of *client*; *relay* as in `program.mjs`, *speech* a binary string. */
export function begin({ client, relay, speech }) {
  const { open, dialect, recovers } = CLIENTS[client](relay);
  window.steps = stepsOver(open, dialect, { relay, speech, closeAll: window.closeAll, recovers });
}

/** The browser class of `openai`: the key goes as a subprotocol, and so do organisation and project. */
function openaiClass(relay) {
  return (apiKey, options) => {
    const client = new OpenAI({
      baseURL: relay.url,
      apiKey,
      organization: 'org-acme',
      project: 'proj_acme',
      dangerouslyAllowBrowser: true,
    });
    return lineOf(new OpenAIRealtimeWebSocket({ model: relay.model, ...options }, client), options);
  };
}

/**
 * Open with a client secret, which the page mints itself, across origins and with the SDK; an application has
 * its server do that. A wrong key mints none, which the page can read; what is then opened with is no secret at
 * all.
 */
function withSecret(relay, open) {
  return async (apiKey, options) => {
    const { realtime } = new OpenAI({
      baseURL: relay.url,
      apiKey,
      dangerouslyAllowBrowser: true,
      maxRetries: 0,
    });
    const session = { type: 'realtime', model: relay.model, instructions: INSTRUCTIONS };
    const minted = await realtime.clientSecrets.create({ session }).catch((failure) => failure);
    if (apiKey === relay.badKey) {
      check(minted.status === 401, `a wrong key was answered with ${minted}`);
      return open('ek_none.AAAA', options);
    }
    check(minted.value?.startsWith('ek_'), `no secret was minted: ${minted}`);
    return open(minted.value, options);
  };
}

/** `WebSocket` as it is, with further subprotocols. */
function plain(relay, further) {
  return (key) => {
    const protocols = ['realtime', `openai-insecure-api-key.${key}`, ...further];
    const socket = new WebSocket(`${relay.wsUrl}?model=${relay.model}`, protocols);
    const inbox = new Inbox();
    socket.addEventListener('open', () => {
      if (socket.protocol !== 'realtime')
        inbox.end(`the relay chose the subprotocol ${JSON.stringify(socket.protocol)}`);
    });
    socket.addEventListener('message', ({ data }) => inbox.push(JSON.parse(data)));
    const closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code));
    });
    closed.then((code) => inbox.end(`closed with ${code}`));
    return { inbox, closed, send: (event) => socket.send(JSON.stringify(event)), close: () => socket.close(1000) };
  };
}
