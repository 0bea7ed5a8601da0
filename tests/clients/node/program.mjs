// What every Node program of the matrix shares: the facts it is given, and the telling of its steps.
// Rule: a step's failure is told as a line of JSON; a program ends with status 0 whatever came of its steps.

import { readFileSync } from 'node:fs';

import { check } from './turns.mjs';

/** Longer than an inbox waits for an event, and than the slowest reconnect; four fit into a program's time. */
const STEP_MS = 25_000;
/** Where the samples of a WAV file begin at the latest, if its header is an ordinary one. */
const WAV_HEADER_MOST = 4096;

export const given = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const relay = {
  url: given('RELAY_URL'),
  wsUrl: given('RELAY_WS_URL'),
  key: given('RELAY_KEY'),
  badKey: given('RELAY_BAD_KEY'),
  model: given('RELAY_MODEL'),
};

/** The samples of the WAV that is given (24 kHz mono PCM16), as a binary string. */
export const speech = (() => {
  const file = readFileSync(given('RELAY_SPEECH'));
  const data = file.subarray(0, WAV_HEADER_MOST).indexOf('data');
  check(data > 0, 'RELAY_SPEECH is not a WAV file');
  return file.subarray(data + 8, data + 8 + file.readUInt32LE(data + 4)).toString('latin1');
})();

/** Have the relay close every live session with 1012. */
export async function closeAll() {
  const answer = await fetch(`${given('RELAY_CONTROL')}/close`, { method: 'POST' });
  check(answer.ok, `the harness answered ${answer.status}`);
}

/** Do what STEPS names of *steps* (name -> async function that returns what was seen), and end the process. */
export async function run(steps) {
  for (const step of given('STEPS').split(',')) {
    let told;
    try {
      check(steps[step] !== undefined, 'this program has no such step');
      told = { step, ok: true, detail: await within(STEP_MS, steps[step]()) };
    } catch (error) {
      told = { step, ok: false, detail: String(error?.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
  process.exit(0); // sockets that a client left open are not waited for
}

function within(ms, work) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not done in ${ms / 1000} s`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
