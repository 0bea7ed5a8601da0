// The steps of the matrix, over whatever opens a *line*:
//   `{ send(event), inbox, close(), closed: promise of a close code, dropped: likewise, where it reconnects }`
// Rule: nothing of Node's and nothing of a browser's: pages load this file as it is.

import { check, connect, spokenTurn, textTurn, toolTurn } from './turns.mjs';

const RESTARTING = 1012;
const UNAUTHORIZED = 3000;

/**
 * The steps by name. `open(key, options)` gives a line or a promise of one; *relay* has the key and the wrong
 * key, *speech* the words as a binary string of PCM16, and `closeAll()` ends every live session with 1012.
 * Where the client *recovers*, it reconnects by itself if it is opened with `{ reconnect: true }`.
 */
export function stepsOver(open, dialect, { relay, speech, closeAll, recovers = false }) {
  /** Open a line, wait for its session, hold a turn on it, and close it. */
  const hold = async (turn) => {
    const line = await open(relay.key, {});
    const told = await connect(line, dialect);
    const seen = await turn(line, told);
    line.close();
    return seen;
  };

  const recovered = async () => {
    const line = await open(relay.key, { reconnect: true });
    await connect(line, dialect);
    await closeAll();
    const code = await line.dropped;
    check(code === RESTARTING, `closed with ${code}`);
    await connect(line, dialect);
    await textTurn(line, dialect);
    line.close();
    return 'by itself, with `reconnect: true`';
  };

  const openedAgain = async () => {
    const line = await open(relay.key, {});
    await connect(line, dialect);
    await closeAll();
    const code = await line.closed;
    check(code === RESTARTING, `closed with ${code}`);
    await hold((again) => textTurn(again, dialect));
    return `by hand, after close code ${code}`;
  };

  return {
    connect: () => hold(async (_line, told) => told),
    text: () => hold((line) => textTurn(line, dialect)),
    audio: () => hold((line) => spokenTurn(line, dialect, speech)),
    tool: () => hold((line) => toolTurn(line, dialect)),
    refusal: async () => refused(await open(relay.badKey, {})),
    reconnect: recovers ? recovered : openedAgain,
  };
}

/**
 * Read a refusal: HTTP 401 where the client shows it, else the `error` event and the close code that follows
 * it.
 */
async function refused({ inbox, closed }) {
  const seen = await inbox.next().catch((failure) => failure.message);
  if (typeof seen === 'string') {
    check(/\b401\b/.test(seen), `instead of a refusal: ${seen}`);
    return 'HTTP 401';
  }
  check(seen.error?.code === 'invalid_api_key', `instead of a refusal: ${JSON.stringify(seen)}`);
  const code = await closed;
  check(code === UNAUTHORIZED, `closed with ${code}`);
  return `\`error\` event, close code ${code}`;
}
